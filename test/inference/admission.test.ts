import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AdmissionOptions, AdmissionQueue, type QueueEntry } from '../../src/inference/admission.ts'
import type { TaskKind } from '../../src/inference/backend.ts'

interface Entry extends QueueEntry {
  readonly id: number
}

/** A queue on a clock that only the test moves. */
function puppet(options: Partial<AdmissionOptions> = {}) {
  const clock = { ms: 1000 }
  let id = 0
  const queue = new AdmissionQueue<Entry>({
    workers: 1,
    maxQueue: 4,
    maxFull: 8,
    maxFullQueue: 2,
    now: () => clock.ms,
    random: () => 0.5,
    ...options,
  })
  queue.threads = options.workers ?? 1
  const entry = (kind: TaskKind = 'fast', remainingMs = 1e6): Entry => ({
    id: ++id,
    kind,
    deadline: clock.ms + remainingMs,
  })
  /** Runs one task of this duration to its end, so that the mean is known. */
  const teach = (kind: TaskKind, ms: number) => {
    const taught = entry(kind)
    queue.add(taught)
    expect(queue.take()).toBe(taught)
    clock.ms += ms
    queue.finish(taught, true)
  }
  return { queue, clock, entry, teach }
}

const refusal = (call: () => void) => {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

describe('order', () => {
  test('is first in, first out, and fast before full', () => {
    const { queue, entry } = puppet({ workers: 2 })
    const [full, first, second] = [entry('full'), entry(), entry()]
    for (const item of [full, first, second]) queue.add(item)
    expect([queue.take(), queue.take(), queue.take()]).toEqual([first, second, undefined])
    queue.finish(first, true)
    // A thread is free, but the other must not be the last one left when a full score takes it: it is, so it may.
    expect(queue.take()).toBe(full)
  })

  test('leaves out what was removed', () => {
    const { queue, entry } = puppet()
    const [first, second] = [entry(), entry()]
    queue.add(first)
    queue.add(second)
    expect(queue.remove(first)).toBe(true)
    expect(queue.remove(first)).toBe(false)
    expect(queue.take()).toBe(second)
    expect(queue.remove(second)).toBe(false)
  })
})

describe('full scores', () => {
  test.each([
    [4, 8, 3],
    [4, 2, 2],
    [2, 8, 1],
    [1, 8, 1],
  ])('of %i workers with maxFull %i, at most %i run', (workers, maxFull, expected) => {
    const { queue, entry } = puppet({ workers, maxFull, maxFullQueue: 10 })
    for (let i = 0; i < 10; i++) queue.add(entry('full'))
    let running = 0
    while (queue.take()) running++
    expect(running).toBe(expected)
  })

  test('do not take the last thread while the other is being replaced', () => {
    const { queue, entry } = puppet({ workers: 2 })
    queue.threads = 1
    queue.add(entry('full'))
    expect(queue.take()).toBeUndefined()
    queue.threads = 2
    expect(queue.take()).toBeDefined()
  })

  test('of a single worker wait for every fast task', () => {
    const { queue, entry } = puppet()
    const [full, fast] = [entry('full'), entry()]
    queue.add(full)
    queue.add(fast)
    expect(queue.take()).toBe(fast)
    queue.finish(fast, true)
    expect(queue.take()).toBe(full)
  })
})

describe('refusal', () => {
  test('of a passed deadline', () => {
    const { queue } = puppet()
    for (const deadline of [1000, 999, Number.NaN]) {
      expect(refusal(() => queue.check('fast', deadline))).toMatchObject({ code: 'deadline-exceeded' })
    }
    expect(refusal(() => queue.check('fast', Number.POSITIVE_INFINITY))).toBeUndefined()
  })

  test('of what would not fit, each kind on its own', () => {
    const { queue, entry } = puppet({ maxQueue: 2, maxFullQueue: 1 })
    queue.add(entry())
    queue.take()
    for (const kind of ['fast', 'fast', 'full'] as const) queue.add(entry(kind))
    for (const kind of ['fast', 'full'] as const) {
      expect(refusal(() => queue.add(entry(kind)))).toMatchObject({
        code: 'queue-full',
        details: { reason: 'capacity', kind },
      })
    }
    expect([queue.depth('fast'), queue.depth('full')]).toEqual([2, 1])
  })

  test('without any queue takes what can start at once, and nothing else', () => {
    const { queue, entry } = puppet({ maxQueue: 0 })
    queue.add(entry())
    queue.take()
    expect(refusal(() => queue.add(entry()))).toMatchObject({ code: 'queue-full' })
  })

  test('when mean service time × depth / workers, with what is kept in hand, does not leave time enough', () => {
    const { queue, entry, teach, clock } = puppet({ workers: 2, maxQueue: 100 })
    teach('fast', 100)
    for (let i = 0; i < 2; i++) {
      queue.add(entry())
      queue.take()
    }
    for (let i = 0; i < 6; i++) queue.add(entry())
    // Both threads are taken for 100 ms more, then three waiting tasks each: 400 ms of waiting (a tenth more to be
    // safe) and 100 of working (half more).
    expect(refusal(() => queue.check('fast', clock.ms + 589))).toMatchObject({
      code: 'queue-full',
      details: { reason: 'deadline', kind: 'fast' },
    })
    expect(refusal(() => queue.check('fast', clock.ms + 591))).toBeUndefined()
    clock.ms += 60
    expect(refusal(() => queue.check('fast', clock.ms + 525))).toBeUndefined()
  })

  test('does not count a long full score against the thread beside it', () => {
    const { queue, entry, teach, clock } = puppet({ workers: 2, maxQueue: 10 })
    teach('full', 5000)
    teach('fast', 100)
    queue.add(entry('full'))
    queue.add(entry())
    expect([queue.take()?.kind, queue.take()?.kind]).toEqual(['fast', 'full'])
    expect(refusal(() => queue.check('fast', clock.ms + 261))).toBeUndefined()
    expect(refusal(() => queue.check('fast', clock.ms + 259))).toMatchObject({ details: { reason: 'deadline' } })
    expect(refusal(() => queue.check('full', clock.ms + 12_999))).toMatchObject({ details: { reason: 'deadline' } })
    expect(refusal(() => queue.check('full', clock.ms + 13_001))).toBeUndefined()
  })

  test('never locks out: with a free thread any deadline is taken, and a hung task weighs nothing more', () => {
    const { queue, entry, teach, clock } = puppet()
    teach('fast', 5000)
    expect(refusal(() => queue.check('fast', clock.ms + 10))).toBeUndefined()
    queue.add(entry())
    queue.take()
    clock.ms += 60_000
    expect(refusal(() => queue.check('fast', clock.ms + 7501))).toBeUndefined()
  })

  test('learns from tasks that came to their end only', () => {
    const { queue, entry, teach, clock } = puppet()
    teach('fast', 100)
    const cut = entry()
    queue.add(cut)
    queue.take()
    clock.ms += 9000
    queue.finish(cut, false)
    queue.finish(cut, true)
    queue.add(entry())
    queue.take()
    expect(refusal(() => queue.check('fast', clock.ms + 261))).toBeUndefined()
  })
})

describe('what has waited too long', () => {
  test('is hopeless when it would end too late and somebody else waits', () => {
    const { queue, entry, teach, clock } = puppet()
    teach('fast', 100)
    const [running, first, second] = [entry(), entry('fast', 500), entry('fast', 500)]
    for (const item of [running, first, second]) queue.add(item)
    queue.take()
    clock.ms += 340
    queue.finish(running, false)
    expect(queue.take()).toBe(first)
    expect(queue.hopeless(first)).toBe(false)
    clock.ms += 11
    expect(queue.hopeless(first)).toBe(true)
    queue.finish(first, false)
    expect(queue.take()).toBe(second)
    expect(queue.hopeless(second)).toBe(false)
  })

  test('is tried all the same when nothing is known of how long it takes', () => {
    const { queue, entry, clock } = puppet()
    for (let i = 0; i < 2; i++) queue.add(entry('fast', 100))
    clock.ms += 99
    const taken = queue.take()
    expect(taken && queue.hopeless(taken)).toBe(false)
  })
})

describe('Retry-After', () => {
  test.each([
    [100, 0.5, 1],
    [3000, 0.5, 12],
    [3000, 0, 10],
    [3000, 1, 15],
    [60_000, 0.5, 30],
  ])('for tasks of %i ms with random %f is %i s', (serviceMs, random, seconds) => {
    const { queue, entry, teach } = puppet({ maxQueue: 3, random: () => random })
    teach('fast', serviceMs)
    queue.add(entry())
    queue.take()
    for (let i = 0; i < 3; i++) queue.add(entry())
    expect(refusal(() => queue.add(entry()))).toMatchObject({ retryAfterSeconds: seconds })
  })
})

test('whatever comes in whatever order, nothing is above its limit, lost, or run twice', () => {
  const kind = fc.constantFrom<TaskKind>('fast', 'full')
  const action = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('add' as const), kind, remainingMs: fc.integer({ min: -5, max: 500 }) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('finish' as const), at: fc.nat(), typical: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), at: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('threads' as const), count: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(200) }) },
  )
  const limits = fc.record({
    workers: fc.integer({ min: 1, max: 4 }),
    maxQueue: fc.nat(5),
    maxFull: fc.integer({ min: 1, max: 4 }),
    maxFullQueue: fc.nat(3),
    random: fc.constant(() => 0.3),
  })
  fc.assert(
    fc.property(limits, fc.array(action, { maxLength: 120 }), (options, actions) => {
      const { queue, clock, entry } = puppet(options)
      let threads = options.workers
      const waiting: Record<TaskKind, Entry[]> = { fast: [], full: [] }
      const running: Entry[] = []
      for (const step of actions) {
        if (step.do === 'wait') clock.ms += step.ms
        if (step.do === 'threads') {
          threads = Math.min(step.count, options.workers)
          queue.threads = threads
        }
        if (step.do === 'add') {
          const item = entry(step.kind, step.remainingMs)
          const before = queue.depth(step.kind)
          const error = refusal(() => queue.add(item)) as { code: string; retryAfterSeconds?: number } | undefined
          if (!error) waiting[step.kind].push(item)
          expect(queue.depth(step.kind)).toBe(error ? before : before + 1)
          if (step.remainingMs <= 0) expect(error).toMatchObject({ code: 'deadline-exceeded' })
          if (error?.code === 'queue-full') {
            expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(1)
            expect(error.retryAfterSeconds).toBeLessThanOrEqual(30)
          }
          // A caller starts at once what can be started: one place above the capacity exists only for that moment.
          if (queue.depth(step.kind) > queue.capacity(step.kind)) {
            const started = queue.take()
            expect(started).toBe(waiting[step.kind].shift())
            if (started) running.push(started)
          }
          expect(queue.depth(step.kind)).toBeLessThanOrEqual(queue.capacity(step.kind))
        }
        if (step.do === 'take') {
          const before = running.length
          const taken = queue.take()
          if (taken) {
            expect(taken).toBe(waiting[taken.kind].shift())
            if (taken.kind === 'full') expect(waiting.fast).toEqual([])
            running.push(taken)
            expect(before).toBeLessThan(threads)
            const full = running.filter((item) => item.kind === 'full').length
            if (taken.kind === 'full' && options.workers > 1) expect(full).toBeLessThan(threads)
            expect(full).toBeLessThanOrEqual(options.maxFull)
          } else if (before < threads) {
            expect(waiting.fast).toEqual([])
          }
        }
        if (step.do === 'finish' && running.length > 0) {
          const [done] = running.splice(step.at % running.length, 1)
          if (done) queue.finish(done, step.typical)
        }
        if (step.do === 'remove') {
          const all = [...waiting.fast, ...waiting.full]
          const gone = all[step.at % Math.max(1, all.length)]
          if (gone) {
            expect(queue.remove(gone)).toBe(true)
            waiting[gone.kind] = waiting[gone.kind].filter((item) => item !== gone)
          }
        }
        expect([queue.depth('fast'), queue.depth('full')]).toEqual([waiting.fast.length, waiting.full.length])
      }
    }),
    { numRuns: 300 },
  )
})
