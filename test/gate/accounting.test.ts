import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { answerOf, failWith, photo, puppetGate, record, score, scoredFace } from './puppet-gate.ts'

const NAMES = ['verdict', 'refusal', 'assessed', 'failure', 'shed', 'degraded'] as const

async function failure(code: ErrorCode, details: Record<string, unknown>, onFailure: 'reject' | 'pass') {
  const { gate } = puppetGate({ answer: () => failWith(code, details), options: { onFailure } })
  const told = record(gate, ...NAMES)
  const result = await gate.assess(photo(), { purpose: 'enrolment' }).catch((error: unknown) => error)
  return { result, told: told.map(({ name, event }) => ({ name, ...event })) }
}

describe('what a failed assessment is counted as', () => {
  test.each([
    ['no-face', 'no_face'],
    ['several-faces', 'several_faces'],
    ['face-too-small', 'too_small'],
    ['unreadable-image', 'unreadable'],
    ['unsupported-media-type', 'unsupported'],
    ['too-many-pixels', 'too_large'],
  ] as const)('%s is a refusal, never passed', async (code, reason) => {
    for (const onFailure of ['reject', 'pass'] as const) {
      const { result, told } = await failure(code, { faces: 4 }, onFailure)
      expect(result).toMatchObject({ code })
      expect(told).toEqual([
        { name: 'refusal', reason, code, purpose: 'enrolment', mode: 'enforce' },
        expect.objectContaining({ name: 'assessed', outcome: 'reject', faces: 4, purpose: 'enrolment' }),
      ])
    }
  })

  test.each([
    ['queue-full', { reason: 'capacity' }, 'queue_full'],
    ['queue-full', { reason: 'deadline' }, 'deadline'],
    ['deadline-exceeded', { phase: 'queue' }, 'deadline'],
    ['shutting-down', {}, 'draining'],
  ] as const)('%s %j is load turned away', async (code, details, reason) => {
    const { result, told } = await failure(code, details, 'reject')
    expect(result).toMatchObject({ code })
    expect(told).toEqual([{ name: 'shed', reason }, expect.objectContaining({ name: 'assessed', outcome: 'shed' })])
  })

  test.each([
    ['deadline-exceeded', { phase: 'running' }],
    ['worker-crashed', { reason: 'watchdog' }],
    ['scoring-failed', {}],
    ['invalid-model-output', {}],
  ] as const)('%s %j is an error', async (code, details) => {
    const { result, told } = await failure(code, details, 'reject')
    expect(result).toMatchObject({ code })
    expect(told).toEqual([{ name: 'failure', code }, expect.objectContaining({ name: 'assessed', outcome: 'error' })])
  })

  test.each([
    ['queue-full', { reason: 'capacity' }],
    ['deadline-exceeded', { phase: 'running' }],
    ['worker-crashed', {}],
    ['shutting-down', {}],
  ] as const)('with onFailure pass, %s %j is let through and counted once', async (code, details) => {
    const { result, told } = await failure(code, details, 'pass')
    expect(result).toMatchObject({
      verdict: { degraded: true, failure: code, decision: 'accept', weight: 1, score: undefined, purpose: 'enrolment' },
      faces: [],
      aligned: [],
      photo: undefined,
    })
    expect(told).toEqual([
      { name: 'degraded', code, purpose: 'enrolment' },
      expect.objectContaining({ name: 'assessed', outcome: 'degraded' }),
    ])
  })

  test('a call that says pass does so on a gate that rejects', async () => {
    const { gate } = puppetGate({ answer: () => failWith('worker-crashed') })
    expect((await gate.assess(photo(), { onFailure: 'pass' })).verdict.degraded).toBe(true)
  })

  test('an abort, an empty photo, an unusable call', async () => {
    const { gate, backend } = puppetGate({ options: { onFailure: 'pass' } })
    const told = record(gate, ...NAMES)
    const outcomes = () =>
      told.splice(0).map(({ name, event }) => [name, 'outcome' in event ? event.outcome : undefined])
    await expect(gate.assess(photo(), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
    expect(outcomes()).toEqual([['assessed', 'aborted']])
    await expect(gate.assess(new Uint8Array(0))).rejects.toMatchObject({ code: 'empty-body' })
    expect(outcomes()).toEqual([
      ['refusal', undefined],
      ['assessed', 'reject'],
    ])
    for (const [bytes, options] of [
      ['a string', {}],
      [undefined, {}],
      [photo(), { purpos: 'probe' }],
      [photo(), { faces: 'two' }],
      [photo(), { deadlineMs: -1 }],
      [photo(), { maxPixels: 0 }],
      [photo(), { signal: {} }],
      [photo(), { detected: [{}] }],
      [photo(), { detected: 'none' }],
      [photo(), null],
    ] as never[][]) {
      await expect(gate.assess(bytes as never, options as never)).rejects.toMatchObject({ code: 'invalid-option' })
      expect(outcomes()).toEqual([
        ['failure', undefined],
        ['assessed', 'error'],
      ])
    }
    expect(backend.runs).toHaveLength(0)
  })
})

test('requests = accepts + down-weights + rejects + degraded + shed + errors + aborted, exactly', async () => {
  const results = fc.constantFrom<number | ErrorCode>(
    0.9,
    0.57,
    0.45,
    0.1,
    'no-face',
    'unreadable-image',
    'queue-full',
    'shutting-down',
    'worker-crashed',
    'scoring-failed',
    'aborted',
  )
  const traffic = fc.array(fc.tuple(results, fc.boolean()), { maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(traffic, async (calls) => {
      let next = 0
      const { gate } = puppetGate({
        options: { escalationBudget: 0 },
        answer: () => {
          const [result] = calls[next] as [number | ErrorCode, boolean]
          return typeof result === 'number' ? answerOf(result) : failWith(result)
        },
      })
      const told = record(gate, ...NAMES)
      const count = (name: string) => told.filter((one) => one.name === name).length
      for (; next < calls.length; next++) {
        const onFailure = calls[next]?.[1] ? 'pass' : 'reject'
        await gate.assess(photo(`photo ${next}`), { onFailure }).catch(() => {})
      }
      const outcomes = told.flatMap(({ event }) => ('outcome' in event ? [event.outcome] : []))
      const of = (...names: string[]) => outcomes.filter((outcome) => names.includes(outcome)).length
      expect(outcomes).toHaveLength(calls.length)
      expect(of('accept', 'down-weight', 'reject', 'degraded', 'shed', 'error', 'aborted')).toBe(calls.length)
      expect(count('verdict') + count('refusal')).toBe(of('accept', 'down-weight', 'reject'))
      expect([count('degraded'), count('shed'), count('failure')]).toEqual([of('degraded'), of('shed'), of('error')])
    }),
    { numRuns: 50 },
  )
})

test('in shadow and annotate mode everything is told under that mode, and the photo’s own faults are still errors', async () => {
  const { gate, backend } = puppetGate({
    options: { mode: 'shadow', escalationBudget: 0 },
    answer: () => answerOf(0.1),
  })
  const told = record(gate, 'verdict', 'refusal', 'assessed')
  expect((await gate.assess(photo())).verdict).toMatchObject({ decision: 'reject', mode: 'shadow' })
  backend.answer = () => failWith('no-face')
  await expect(gate.assess(photo(), { mode: 'annotate' })).rejects.toMatchObject({ code: 'no-face' })
  expect(told.map(({ name, event }) => [name, JSON.parse(JSON.stringify(event))])).toMatchObject([
    ['verdict', { verdict: { mode: 'shadow' } }],
    ['assessed', { outcome: 'reject' }],
    ['refusal', { mode: 'annotate' }],
    ['assessed', { outcome: 'reject' }],
  ])
})

test('admit() counts what it turns away, since the photo is never handed in', () => {
  const { gate, backend } = puppetGate()
  const told = record(gate, 'shed', 'assessed')
  expect(gate.admit()).toBeUndefined()
  expect(told).toHaveLength(0)
  backend.refuse = () => {
    try {
      return failWith('queue-full', { reason: 'capacity' })
    } catch (error) {
      return error as never
    }
  }
  expect(() => gate.admit(100)).toThrow(expect.objectContaining({ code: 'queue-full' }))
  expect(told.map(({ event }) => event)).toMatchObject([{ reason: 'queue_full' }, { outcome: 'shed' }])
})

describe('listeners', () => {
  test('that throw or reject change nothing, are told of once, and by no word of their own', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const { gate } = puppetGate()
      const heard: string[] = []
      gate.on('verdict', () => {
        throw new Error('secret of the listener')
      })
      gate.on('assessed', (async () => {
        throw new TypeError('secret of the listener')
      }) as () => void)
      gate.on('assessed', ({ outcome }) => heard.push(outcome))
      for (let i = 0; i < 3; i++) expect((await gate.assess(photo())).verdict.decision).toBe('accept')
      await new Promise((resolve) => setImmediate(resolve))
      expect(heard).toEqual(['accept', 'accept', 'accept'])
      expect(warn).toHaveBeenCalledTimes(2)
      expect(JSON.stringify(warn.mock.calls)).not.toContain('secret')
    } finally {
      warn.mockRestore()
    }
  })

  test('unsubscribe, and hear the facts they came too late for', () => {
    const { gate, backend } = puppetGate()
    const told = record(gate, 'model-ready', 'thresholds')
    expect(told.map(({ event }) => event)).toMatchObject([
      { model: 'detector', loadMs: 1 },
      { model: 'embedder', loadMs: 2 },
      { model: 'denoiser', loadMs: 3 },
      { model: 'regressor', loadMs: 4 },
      { policy: 'balanced' },
    ])
    const restarts: string[] = []
    const stop = gate.on('worker-restart', ({ reason }) => restarts.push(reason))
    backend.restart('watchdog')
    stop()
    backend.restart('crash')
    expect(restarts).toEqual(['watchdog'])
  })

  test('of the diagnostics channel hear the same', async () => {
    const { gate } = puppetGate()
    const heard: unknown[] = []
    const listener = (message: unknown): void => void heard.push(message)
    subscribe('express-diffiqa:verdict', listener)
    const { verdict } = await gate.assess(photo())
    unsubscribe('express-diffiqa:verdict', listener)
    await gate.assess(photo())
    expect(heard).toEqual([{ verdict }])
  })
})

test.each([Number.NaN, Number.POSITIVE_INFINITY, -0.1, 1.1])(
  'a score of %f is a typed error, never a decision',
  async (value) => {
    const { gate } = puppetGate({ answer: () => answerOf(scoredFace(0.9, { fast: { ...score(0.9), value } })) })
    const told = record(gate, 'verdict', 'assessed')
    await expect(gate.assess(photo())).rejects.toMatchObject({ code: 'invalid-model-output' })
    expect(told.map(({ event }) => event)).toMatchObject([{ outcome: 'error' }])
  },
)
