import { describe, expect, test } from 'vitest'
import { TASKS } from '../../src/gate/worker-tasks.ts'
import { answerOf, deferred, fullAnswerOf, photo, puppetGate, record } from './puppet-gate.ts'

describe('update()', () => {
  test('an assessment keeps the settings it began with', async () => {
    const scored = deferred<unknown>()
    const { gate } = puppetGate({ options: { escalationBudget: 0 }, answer: () => scored.promise })
    const before = gate.assess(photo('a'))
    gate.update({ thresholds: { probe: { rejectBelow: 0.95, acceptFrom: 0.97 } }, mode: 'annotate' })
    const after = gate.assess(photo('b'))
    scored.resolve(answerOf(0.9))
    expect((await before).verdict).toMatchObject({
      decision: 'accept',
      mode: 'enforce',
      thresholds: { rejectBelow: 0.3, acceptFrom: 0.6 },
    })
    expect((await after).verdict).toMatchObject({
      decision: 'reject',
      mode: 'annotate',
      thresholds: { rejectBelow: 0.95, acceptFrom: 0.97 },
    })
  })

  test('no verdict ever mixes old and new numbers', async () => {
    const { gate } = puppetGate({ options: { escalationBudget: 0 } })
    const pairs = [
      { rejectBelow: 0.1, acceptFrom: 0.2 },
      { rejectBelow: 0.8, acceptFrom: 0.95 },
    ]
    const all: ReturnType<typeof gate.assess>[] = []
    for (let i = 0; i < 200; i++) {
      gate.update({ thresholds: { probe: pairs[i % 2] as (typeof pairs)[0] } })
      all.push(gate.assess(photo(`photo ${i}`)))
      if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    for (const { verdict } of await Promise.all(all)) expect(pairs).toContainEqual(verdict.thresholds)
  })

  test('tells of new thresholds; a policy by name brings its own numbers back', () => {
    const { gate } = puppetGate()
    const original = gate.thresholds
    const told = record(gate, 'thresholds')
    told.length = 0
    gate.update({ thresholds: { enrolment: { acceptFrom: 0.9 } } })
    expect([gate.policy, gate.thresholds.enrolment.acceptFrom]).toEqual(['custom', 0.9])
    gate.update({ mode: 'shadow' })
    expect(gate.mode).toBe('shadow')
    gate.update({ policy: 'balanced' })
    expect([gate.policy, gate.thresholds]).toEqual(['balanced', original])
    gate.update({ policy: 'strict', thresholds: { probe: { minWeight: 0.9 } } })
    expect(told.map(({ event }) => event.policy)).toEqual(['custom', 'balanced', 'custom'])
    expect(told[0]?.event.thresholds.enrolment.acceptFrom).toBe(0.9)
  })

  test.each([
    [{ polcy: 'strict' }, 'polcy'],
    [{ policy: 'harsh' }, 'policy'],
    [{ mode: 'off' }, 'mode'],
    [{ mode: 'shadow', thresholds: { probe: { rejectBelow: 0.99 } } }, 'thresholds.probe.rejectBelow'],
    [undefined, 'options'],
  ])('%j is refused as a whole', (change, option) => {
    const { gate } = puppetGate()
    const before = [gate.mode, gate.policy, gate.thresholds]
    expect(() => gate.update(change as never)).toThrow(
      expect.objectContaining({ code: 'invalid-option', details: { option } }),
    )
    expect([gate.mode, gate.policy, gate.thresholds]).toEqual(before)
  })
})

describe('close()', () => {
  test('lets what has begun finish, second look included, and takes nothing more', async () => {
    const scored = deferred<unknown>()
    const looked = deferred<unknown>()
    const { gate, backend } = puppetGate({
      answer: ({ name }) => (name === TASKS.full ? looked.promise : scored.promise),
    })
    expect(gate.ready).toBe(true)
    const running = gate.assess(photo())
    const closing = gate.close()
    expect(gate.ready).toBe(false)
    await expect(gate.assess(photo())).rejects.toMatchObject({ code: 'shutting-down' })
    expect(() => gate.admit()).toThrow(expect.objectContaining({ code: 'shutting-down' }))
    scored.resolve(answerOf(0.57))
    await new Promise((resolve) => setImmediate(resolve))
    expect(backend.closed).toBe(false)
    looked.resolve(fullAnswerOf(1))
    expect((await running).verdict.escalation).toBe('overturned')
    await closing
    expect(backend.closed).toBe(true)
    await expect(gate.assess(photo())).rejects.toMatchObject({ code: 'gate-closed', status: 503 })
    expect(() => gate.admit()).toThrow(expect.objectContaining({ code: 'gate-closed' }))
  })

  test('waits no longer than it is told to', async () => {
    const { gate, backend } = puppetGate({ answer: () => new Promise(() => {}) })
    void gate.assess(photo(), { deadlineMs: 60_000 }).catch(() => {})
    const start = performance.now()
    await gate.close({ timeoutMs: 50 })
    expect(performance.now() - start).toBeLessThan(2000)
    expect(backend.closed).toBe(true)
  })

  test('can be called twice, and by await using', async () => {
    const { gate, backend } = puppetGate()
    await Promise.all([gate.close(), gate.close()])
    const other = puppetGate()
    {
      await using used = other.gate
      await used.assess(photo())
    }
    expect([backend.closed, other.backend.closed]).toEqual([true, true])
    await expect(other.gate.assess(photo())).rejects.toMatchObject({ code: 'gate-closed' })
  })

  test('a closed gate stays closed with onFailure pass and a filled cache', async () => {
    const { gate } = puppetGate({ options: { onFailure: 'pass', cache: true } })
    await gate.assess(photo())
    await gate.close()
    await expect(gate.assess(photo())).rejects.toMatchObject({ code: 'gate-closed' })
  })
})

test('the gate shows what it was made with', () => {
  const { gate } = puppetGate({ options: { policy: 'strict', mode: 'annotate', onFailure: 'pass', preset: 'paper' } })
  expect([gate.policy, gate.mode, gate.onFailure, gate.preset]).toEqual(['strict', 'annotate', 'pass', 'paper'])
  expect(gate.manifest.modelVersion).toBe('vectors-1')
  expect(gate.stats()).toMatchObject({ queue: { fast: { capacity: 8 } }, workers: { idle: 1 } })
})
