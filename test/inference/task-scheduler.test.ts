import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DiffiqaError } from '../../src/errors.ts'
import type { TaskKind } from '../../src/inference/backend.ts'
import { TaskScheduler } from '../../src/inference/task-scheduler.ts'
import type { CreateSlot } from '../../src/inference/worker-slot.ts'
import { PuppetSlot } from './fixtures/puppet-slot.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.clearAllTimers()
  vi.useRealTimers()
})

const flush = () => vi.advanceTimersByTimeAsync(0)

function puppets(options: { workers: number; maxQueue?: number; maxFullQueue?: number; watchdogMs?: number }) {
  const slots: PuppetSlot[] = []
  const createSlot: CreateSlot = (onDeath) => {
    const slot = new PuppetSlot(onDeath)
    slots.push(slot)
    return slot
  }
  const scheduler = new TaskScheduler({
    maxQueue: 4,
    maxFull: 8,
    maxFullQueue: 2,
    watchdogMs: 5000,
    startTimeoutMs: 1000,
    createSlot,
    ...options,
  })
  const restarts: string[] = []
  scheduler.onRestart((reason) => restarts.push(reason))
  return { scheduler, slots, restarts }
}

test('a death between two tasks does not send the next one to the dead thread', async () => {
  const { scheduler, slots, restarts } = puppets({ workers: 1 })
  slots[0]?.load()
  await flush()
  const first = scheduler.run({ name: 'a', input: 1 }, { kind: 'fast', deadline: 1e9 })
  const second = scheduler.run({ name: 'b', input: 2 }, { kind: 'fast', deadline: 1e9 })
  const failed = expect(first).rejects.toMatchObject({ code: 'worker-crashed' })
  slots[0]?.die('memory')
  await flush()
  await failed
  expect(restarts).toEqual(['memory'])
  expect(slots).toHaveLength(2)
  slots[1]?.load()
  await flush()
  slots[1]?.answer()
  expect(await second).toMatchObject({ value: 2 })
})

test('a restart listener hears nothing after it has unsubscribed', async () => {
  const { scheduler, slots, restarts } = puppets({ workers: 1 })
  const heard: string[] = []
  const stop = scheduler.onRestart((reason) => heard.push(reason))
  slots[0]?.load()
  await flush()
  stop()
  slots[0]?.die('crash')
  expect([heard, restarts]).toEqual([[], ['crash']])
})

test('a thread that keeps dying is given growing pauses, at most 10 s', async () => {
  const { scheduler, slots } = puppets({ workers: 1 })
  slots[0]?.load()
  await flush()
  const pauses: number[] = []
  for (let death = 0; death < 10; death++) {
    slots.at(-1)?.die('crash')
    const died = performance.now()
    const count = slots.length
    while (slots.length === count && slots.at(-1)?.dead) await vi.advanceTimersByTimeAsync(50)
    pauses.push(Math.round((performance.now() - died) / 50) * 50)
    slots.at(-1)?.load()
    await flush()
  }
  expect(pauses).toEqual([0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  expect(scheduler.ready).toBe(true)
})

test('while every thread is in its pause, tasks are refused at once with the time of the next attempt', async () => {
  const { scheduler, slots } = puppets({ workers: 1 })
  slots[0]?.load()
  await flush()
  const waiting = scheduler.run({ name: 'a', input: 1 }, { kind: 'fast', deadline: 1e9 })
  const failed = expect(waiting).rejects.toMatchObject({ code: 'worker-crashed', details: { reason: 'crash' } })
  const patient = scheduler.run({ name: 'a', input: 2 }, { kind: 'fast', deadline: 1e9 })
  slots.at(-1)?.die('crash')
  await failed
  for (const pauseMs of [100, 200, 400, 800, 1600, 0]) {
    slots.at(-1)?.load(new DiffiqaError('model-missing'))
    await vi.advanceTimersByTimeAsync(pauseMs)
  }
  expect(scheduler.ready).toBe(false)
  const down = { code: 'worker-crashed', status: 503, details: { reason: 'down' }, retryAfterSeconds: 4 }
  expect(() => scheduler.admit('fast', 1e9)).toThrow(expect.objectContaining(down))
  await expect(scheduler.run({ name: 'a', input: 3 }, { kind: 'fast', deadline: 1e9 })).rejects.toMatchObject(down)
  await vi.advanceTimersByTimeAsync(3200)
  slots.at(-1)?.load()
  await flush()
  slots.at(-1)?.answer()
  expect(await patient).toMatchObject({ value: 2 })
})

test('whatever happens, every promise settles exactly once, in time, and no limit is passed', async () => {
  const action = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('run' as const),
        kind: fc.constantFrom<TaskKind>('fast', 'full'),
        remainingMs: fc.integer({ min: 1, max: 3000 }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('answer', 'throw', 'load' as const), at: fc.nat() }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom('crash', 'memory', 'fail-to-load' as const), at: fc.nat() }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), at: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1500) }) },
  )
  const limits = fc.record({
    workers: fc.integer({ min: 1, max: 3 }),
    maxQueue: fc.nat(4),
    maxFullQueue: fc.nat(2),
    watchdogMs: fc.constantFrom(300, 2000),
  })
  await fc.assert(
    fc.asyncProperty(limits, fc.array(action, { maxLength: 60 }), async (options, actions) => {
      vi.clearAllTimers()
      const { scheduler, slots, restarts } = puppets(options)
      const ready = scheduler.whenReady().then(
        () => 'ready',
        (error) => error.code,
      )
      const calls: { settled: number; deadline: number; settledAt: number; controller: AbortController }[] = []
      const alive = () => slots.filter((slot) => !slot.dead && !slot.stopped)
      for (const slot of alive()) slot.load()
      await flush()
      expect(await ready).toBe('ready')
      for (const step of actions) {
        if (step.do === 'wait') await vi.advanceTimersByTimeAsync(step.ms)
        else if (step.do === 'run') {
          const controller = new AbortController()
          const call = { settled: 0, deadline: performance.now() + step.remainingMs, settledAt: 0, controller }
          const settle = () => {
            call.settled++
            call.settledAt = performance.now()
          }
          const task = { name: 'task', input: calls.length }
          scheduler
            .run(task, { kind: step.kind, deadline: call.deadline, signal: controller.signal })
            .then(settle, (error) => {
              expect(error).toBeInstanceOf(DiffiqaError)
              settle()
            })
          calls.push(call)
        } else if (step.do === 'abort') calls[step.at % Math.max(1, calls.length)]?.controller.abort()
        else {
          const candidates = alive().filter((slot) => {
            if (step.do === 'load' || step.do === 'fail-to-load') return slot.loading
            return step.do === 'answer' || step.do === 'throw' ? slot.busy : !slot.loading
          })
          const slot = candidates[step.at % Math.max(1, candidates.length)]
          if (step.do === 'answer') slot?.answer()
          else if (step.do === 'throw') slot?.answer(new DiffiqaError('no-face'))
          else if (step.do === 'load') slot?.load()
          else if (step.do === 'fail-to-load') slot?.load(new DiffiqaError('model-missing'))
          else slot?.die(step.do === 'memory' ? 'memory' : 'crash')
        }
        await flush()
        const { fast, full, workers } = scheduler.stats()
        expect(fast.depth).toBeLessThanOrEqual(options.maxQueue)
        expect(full.depth).toBeLessThanOrEqual(options.maxFullQueue)
        expect(workers.busy + workers.idle + workers.starting).toBe(options.workers)
        expect(workers.busy).toBe(alive().filter((slot) => slot.busy).length)
        if (workers.idle > 0) expect(fast.depth).toBe(0)
        for (const { settled, deadline } of calls) {
          expect(settled).toBeLessThanOrEqual(1)
          if (performance.now() > deadline + 1) expect(settled).toBe(1)
        }
      }
      const deaths = slots.length - options.workers
      expect(restarts.length).toBeGreaterThanOrEqual(deaths)
      const closing = scheduler.close({ timeoutMs: 50 })
      await vi.advanceTimersByTimeAsync(60)
      await closing
      await flush()
      for (const { settled, deadline, settledAt } of calls) {
        expect(settled).toBe(1)
        expect(settledAt).toBeLessThanOrEqual(deadline + 1)
      }
      expect(slots.every((slot) => slot.dead || slot.stopped)).toBe(true)
      expect(scheduler.stats()).toMatchObject({ fast: { depth: 0 }, full: { depth: 0 } })
      expect(vi.getTimerCount()).toBe(0)
    }),
    { numRuns: 150 },
  )
})
