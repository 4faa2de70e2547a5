import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DiffiqaError } from '../../src/errors.ts'
import { createInProcessBackend } from '../../src/inference/in-process-backend.ts'
import type { TaskHandler } from '../../src/inference/task-handler.ts'
import { within } from './fixtures/test-backend.ts'

const echo: TaskHandler = async ({ input }) => ({ value: input })
const fast = () => ({ kind: 'fast', deadline: within(5000) }) as const

test('hands the very objects over, without a thread', async () => {
  const backend = createInProcessBackend({ handler: echo })
  const input = { bytes: new Uint8Array(3), call: () => 1 }
  await backend.whenReady()
  expect(backend.ready).toBe(true)
  const { value, queueMs, serviceMs } = await backend.run({ name: 'echo', input }, fast())
  expect(value).toBe(input)
  expect(queueMs).toBeGreaterThanOrEqual(0)
  expect(serviceMs).toBeGreaterThanOrEqual(0)
  await backend.close()
})

test('takes tasks before it is ready, and runs one at a time in their order', async () => {
  const log: unknown[] = []
  const backend = createInProcessBackend({
    handler: async ({ input }) => {
      log.push(['start', input])
      await sleep(5)
      log.push(['end', input])
      return { value: input }
    },
  })
  const runs = [1, 2, 3].map((input) => backend.run({ name: 'log', input }, fast()))
  expect((await Promise.all(runs)).map(({ value }) => value)).toEqual([1, 2, 3])
  expect(log).toEqual(
    [1, 2, 3].flatMap((input) => [
      ['start', input],
      ['end', input],
    ]),
  )
  await backend.close()
})

test('full scores run too, after the fast tasks', async () => {
  const order: unknown[] = []
  const backend = createInProcessBackend({
    handler: async ({ input }) => {
      order.push(input)
      return { value: input }
    },
  })
  const full = backend.run({ name: 'x', input: 'full' }, { kind: 'full', deadline: within(5000) })
  await Promise.all([full, backend.run({ name: 'x', input: 'fast' }, fast())])
  expect(order).toEqual(['fast', 'full'])
  await backend.close()
})

test('errors are typed as those from a thread are', async () => {
  const typed = new DiffiqaError('no-face', undefined, { details: { found: 0 } })
  const thrown: unknown[] = [typed, new TypeError('not ours'), 'text']
  const backend = createInProcessBackend({
    handler: async ({ input }) => {
      throw thrown[input as number]
    },
  })
  await expect(backend.run({ name: 'x', input: 0 }, fast())).rejects.toBe(typed)
  for (const input of [1, 2]) {
    await expect(backend.run({ name: 'x', input }, fast())).rejects.toMatchObject({
      name: 'DiffiqaError',
      code: 'scoring-failed',
    })
  }
  await backend.close()
})

test('deadline and abort cancel a running task between its steps', async () => {
  const endings: string[] = []
  const backend = createInProcessBackend({
    handler: async (_, { cancelled }) => {
      while (!cancelled()) await sleep(2)
      endings.push('cancelled')
      throw new DiffiqaError('aborted')
    },
  })
  const late = backend.run({ name: 'x', input: 0 }, { kind: 'full', deadline: within(30) })
  await expect(late).rejects.toMatchObject({ code: 'deadline-exceeded', details: { phase: 'running' } })
  const controller = new AbortController()
  const aborted = backend.run({ name: 'x', input: 0 }, { ...fast(), signal: controller.signal })
  setTimeout(() => controller.abort(), 20)
  await expect(aborted).rejects.toMatchObject({ code: 'aborted' })
  await backend.close()
  await expect.poll(() => endings).toEqual(['cancelled', 'cancelled'])
})

test('is bounded, closes, and checks its options', async () => {
  const backend = createInProcessBackend({ handler: echo, maxQueue: 1 })
  const first = backend.run({ name: 'x', input: 1 }, fast())
  await expect(backend.run({ name: 'x', input: 2 }, fast())).rejects.toMatchObject({ code: 'queue-full' })
  expect(await first).toMatchObject({ value: 1 })
  await backend.close()
  await expect(backend.run({ name: 'x', input: 2 }, fast())).rejects.toMatchObject({ code: 'gate-closed' })
  expect(() => createInProcessBackend({ handler: echo, workers: 2 } as never)).toThrow(
    expect.objectContaining({ code: 'invalid-option', details: { option: 'workers' } }),
  )
})
