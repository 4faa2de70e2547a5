import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SingleFlight } from '../../src/gate/single-flight.ts'

const soon = () => new Promise((resolve) => setImmediate(resolve))
const patient = () => ({ deadline: performance.now() + 60_000 })

test('every caller gets the answer of its own key, and a key is worked on once at a time', async () => {
  const steps = fc.array(fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.constant('land' as const)), { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const flights = new SingleFlight<string>()
      const under = new Map<string, () => void>()
      const calls: Promise<[string, string]>[] = []
      for (const step of plan) {
        if (step === 'land') {
          for (const land of under.values()) land()
          await soon()
          continue
        }
        const answer = flights.join(step, patient(), () => {
          expect(under.has(step)).toBe(false)
          return new Promise((resolve) => {
            under.set(step, () => {
              under.delete(step)
              resolve(`answer ${step}`)
            })
          })
        })
        calls.push(answer.then((value): [string, string] => [step, value]))
      }
      for (const land of under.values()) land()
      for (const [key, value] of await Promise.all(calls)) expect(value).toBe(`answer ${key}`)
      await soon()
      for (const key of ['a', 'b', 'c']) expect(flights.has(key)).toBe(false)
    }),
    { numRuns: 40 },
  )
})

test('after a failure the next caller tries again', async () => {
  const flights = new SingleFlight<number>()
  await expect(flights.join('k', patient(), () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await flights.join('k', patient(), async () => 7)).toBe(7)
})

test('whoever comes while work is called off starts new work', async () => {
  const flights = new SingleFlight<number>()
  const controller = new AbortController()
  const first = flights.join('k', { ...patient(), signal: controller.signal }, () => new Promise(() => {}))
  controller.abort()
  await expect(first).rejects.toMatchObject({ code: 'aborted' })
  expect(await flights.join('k', patient(), async () => 7)).toBe(7)
})
