import { describe, expect, test } from 'vitest'
import { ScoreCache, type ScoreStore } from '../../src/gate/score-cache.ts'
import { type AssessInput, type CropInput, TASKS } from '../../src/gate/worker-tasks.ts'
import { answerOf, deferred, failWith, fullAnswerOf, photo, puppetGate, record, scoredFace } from './puppet-gate.ts'

const UNCERTAIN = 0.57

describe('score cache', () => {
  test('is off by default: the same photo is scored again', async () => {
    const { gate, backend } = puppetGate()
    const told = record(gate, 'cache')
    await gate.assess(photo())
    await gate.assess(photo())
    expect(backend.names).toEqual([TASKS.assess, TASKS.assess])
    expect(told).toHaveLength(0)
    expect(gate.stats().cacheEntries).toBe(0)
  })

  test('gives the same verdict without work, judged by the thresholds of now', async () => {
    const { gate, backend } = puppetGate({ options: { cache: true, escalationBudget: 0 } })
    const told = record(gate, 'cache')
    const first = await gate.assess(photo())
    const second = await gate.assess(photo())
    expect(backend.runs).toHaveLength(1)
    expect(second.verdict).toEqual({ ...first.verdict, cached: true, timings: second.verdict.timings })
    expect(second.verdict.timings).toMatchObject({ queueMs: 0, decodeMs: 0, diffiqaRMs: 0 })
    expect(second.faces).toEqual(first.faces)
    expect(second.photo).toEqual(first.photo)
    gate.update({ thresholds: { probe: { acceptFrom: 0.99, rejectBelow: 0.98 } } })
    expect((await gate.assess(photo())).verdict).toMatchObject({ decision: 'reject', cached: true })
    expect(told.map(({ event }) => event.result)).toEqual(['miss', 'hit', 'hit'])
    expect(gate.stats().cacheEntries).toBe(1)
  })

  test('keeps apart what changes a score', async () => {
    const { gate, backend } = puppetGate({ options: { cache: true } })
    const { face } = scoredFace(0.9).aligned
    const calls = [
      {},
      { faces: 'largest' },
      { faces: 'all' },
      { maxPixels: 1000 },
      { detected: [face] },
      { detected: [{ ...face, interEyeDistance: 20 }] },
    ] as const
    for (const options of calls) await gate.assess(photo(), options)
    await gate.assess(photo('another'))
    expect(backend.runs).toHaveLength(calls.length + 1)
    for (const options of [...calls, { purpose: 'enrolment' }, { mode: 'shadow' }] as const)
      expect((await gate.assess(photo(), options)).verdict.cached).toBe(true)
  })

  test('forgets after its time and beyond its size', async () => {
    const short = puppetGate({ options: { cache: { ttlMs: 20 } } })
    await short.gate.assess(photo())
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect((await short.gate.assess(photo())).verdict.cached).toBe(false)
    const small = puppetGate({ options: { cache: { maxEntries: 2 } } })
    for (const name of ['a', 'b', 'c', 'a']) await small.gate.assess(photo(name))
    expect(small.backend.runs).toHaveLength(4)
  })

  test('remembers a full score, and looks again when one is wanted that it lacks', async () => {
    const { gate, backend } = puppetGate({
      options: { cache: true },
      answer: ({ name }) => (name === TASKS.full ? fullAnswerOf(1) : answerOf(0.9)),
    })
    await gate.assess(photo())
    const forced = await gate.assess(photo(), { full: true })
    expect(backend.names).toEqual([TASKS.assess, TASKS.assess, TASKS.full])
    const again = await gate.assess(photo(), { full: true })
    expect(backend.runs).toHaveLength(3)
    expect(again.verdict).toEqual({ ...forced.verdict, cached: true, timings: again.verdict.timings })
  })

  test('serves an uncertain score when there is no budget for a second look anyway', async () => {
    const { gate, backend } = puppetGate({
      options: { cache: true, escalationBudget: 0 },
      answer: () => answerOf(UNCERTAIN),
    })
    await gate.assess(photo())
    expect((await gate.assess(photo())).verdict).toMatchObject({ cached: true, escalation: 'skipped-budget' })
    expect(backend.runs).toHaveLength(1)
  })

  test('holds no pixels, no bytes of the photo and no plain digest of it', async () => {
    const kept = new Map<string, unknown>()
    const store: ScoreStore = { get: (key) => kept.get(key), set: (key, value) => kept.set(key, value), size: 0 }
    const { gate } = puppetGate({ cache: new ScoreCache(store) })
    const other = puppetGate({ cache: new ScoreCache(store) })
    await gate.assess(photo('canary'))
    await other.gate.assess(photo('canary'))
    expect(kept.size).toBe(2)
    const everything = JSON.stringify([...kept])
    expect(everything).not.toContain('pixels')
    const arrays = (value: unknown): number[] =>
      Array.isArray(value) || ArrayBuffer.isView(value)
        ? [(value as unknown[]).length, ...Array.from(value as unknown[]).flatMap(arrays)]
        : value !== null && typeof value === 'object'
          ? Object.values(value).flatMap(arrays)
          : []
    expect(Math.max(...[...kept.values()].flatMap(arrays))).toBeLessThanOrEqual(8)
  })

  test('crops of a remembered photo are cut anew', async () => {
    const { gate, backend } = puppetGate({
      options: { cache: true },
      answer: ({ name, input }) =>
        name === TASKS.crop ? (input as CropInput).faces.map(() => scoredFace(0.9).aligned) : answerOf(0.9),
    })
    const first = await gate.assess(photo(), { crops: true })
    const second = await gate.assess(photo(), { crops: true })
    expect(backend.names).toEqual([TASKS.assess, TASKS.crop])
    expect(second.verdict.cached).toBe(true)
    expect(second.aligned).toEqual(first.aligned)
    expect((await gate.assess(photo())).aligned).toEqual([])
  })

  test.each<[string, ScoreStore]>([
    [
      'throws',
      {
        get: () => failWith('scoring-failed'),
        set: () => failWith('scoring-failed'),
        get size(): number {
          return failWith('scoring-failed')
        },
      },
    ],
    ...[null, 5, {}, { faces: [], scored: [] }, { faces: [], scored: [{}] }, { faces: [], scored: [null] }].map(
      (junk): [string, ScoreStore] => [`answers ${JSON.stringify(junk)}`, { get: () => junk, set: () => {}, size: 1 }],
    ),
    [
      'answers NaN for a score',
      {
        get: () => ({
          ...answerOf(0.9),
          scored: [{ ...scoredFace(0.9), fast: { ...scoredFace(0.9).fast, value: Number.NaN } }],
        }),
        set: () => {},
        size: 1,
      },
    ],
  ])('a store that %s never changes a verdict', async (_, store) => {
    const { gate, backend } = puppetGate({ cache: new ScoreCache(store) })
    expect((await gate.assess(photo())).verdict).toMatchObject({ decision: 'accept', cached: false })
    expect(backend.runs).toHaveLength(1)
    expect(gate.stats().cacheEntries).toBeTypeOf('number')
  })
})

describe('single flight', () => {
  test('1,000 identical photos at once are scored once, and looked at again once', async () => {
    const scored = deferred<unknown>()
    const looked = deferred<unknown>()
    const { gate, backend } = puppetGate({
      answer: ({ name }) => (name === TASKS.full ? looked.promise : scored.promise),
    })
    const told = record(gate, 'assessed')
    const all = Array.from({ length: 1000 }, () => gate.assess(photo(), { crops: true }))
    scored.resolve(answerOf(UNCERTAIN))
    setTimeout(() => looked.resolve(fullAnswerOf(1)), 20)
    const assessments = await Promise.all(all)
    expect(backend.names).toEqual([TASKS.assess, TASKS.full])
    expect(new Set(assessments.map(({ verdict }) => verdict.score?.value)).size).toBe(1)
    expect(new Set(assessments.map(({ verdict }) => verdict.escalation))).toEqual(new Set(['overturned']))
    expect(told).toHaveLength(1000)
    // Nobody shares a buffer with anybody.
    expect(new Set(assessments.map(({ aligned }) => aligned[0]?.pixels.buffer)).size).toBe(1000)
  })

  test('the caller’s bytes are copied: they may be used again at once', async () => {
    const { gate, backend } = puppetGate()
    const large = new Uint8Array(100).fill(1)
    const bytes = large.subarray(10, 20)
    const assessment = gate.assess(bytes)
    bytes.fill(9)
    await assessment
    const input = backend.runs[0]?.task.input as AssessInput
    expect([...input.bytes]).toEqual(new Array(10).fill(1))
    expect(input.bytes.buffer.byteLength).toBe(10)
  })

  test('is abandoned only when everybody has gone', async () => {
    const started = deferred<AbortSignal | undefined>()
    const { gate } = puppetGate({
      answer: (_, { signal }) => {
        started.resolve(signal)
        return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
      },
    })
    const [a, b] = [new AbortController(), new AbortController()]
    const first = gate.assess(photo(), { signal: a.signal })
    const second = gate.assess(photo(), { signal: b.signal })
    const work = (await started.promise) as AbortSignal
    a.abort()
    await expect(first).rejects.toMatchObject({ code: 'aborted' })
    expect(work.aborted).toBe(false)
    b.abort()
    await expect(second).rejects.toMatchObject({ code: 'aborted' })
    expect(work.aborted).toBe(true)
  })

  test('who joined work that ended for its starter’s deadline starts anew', async () => {
    const first = deferred<unknown>()
    let calls = 0
    const { gate } = puppetGate({ answer: () => (calls++ === 0 ? first.promise : answerOf(0.9)) })
    const short = gate.assess(photo(), { deadlineMs: 5000 })
    const long = gate.assess(photo(), { deadlineMs: 20_000 })
    first.promise.catch(() => {})
    try {
      failWith('deadline-exceeded', { phase: 'queue' })
    } catch (error) {
      first.reject(error)
    }
    await expect(short).rejects.toMatchObject({ code: 'deadline-exceeded' })
    expect((await long).verdict.decision).toBe('accept')
    expect(calls).toBe(2)
  })

  test('a failure of the work itself is everybody’s, once', async () => {
    const { gate, backend } = puppetGate({ answer: () => failWith('worker-crashed') })
    const all = await Promise.allSettled(Array.from({ length: 50 }, () => gate.assess(photo())))
    expect(all.every((one) => one.status === 'rejected' && one.reason.code === 'worker-crashed')).toBe(true)
    expect(backend.runs).toHaveLength(1)
  })

  test('a caller’s own deadline holds, however long the others wait', async () => {
    const { gate } = puppetGate({ answer: () => new Promise((resolve) => setTimeout(resolve, 300, answerOf(0.9))) })
    const patient = gate.assess(photo(), { deadlineMs: 5000 })
    const hasty = gate.assess(photo(), { deadlineMs: 30 })
    const start = performance.now()
    await expect(hasty).rejects.toMatchObject({ code: 'deadline-exceeded' })
    expect(performance.now() - start).toBeLessThan(250)
    expect((await patient).verdict.decision).toBe('accept')
  })
})
