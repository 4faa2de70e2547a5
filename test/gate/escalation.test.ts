import { describe, expect, test } from 'vitest'
import type { AssessOptions, Verdict } from '../../src/gate/types.ts'
import { TASKS } from '../../src/gate/worker-tasks.ts'
import {
  answerOf,
  deferred,
  failWith,
  fullAnswerOf,
  type PuppetSetup,
  photo,
  puppetGate,
  scoredFace,
} from './puppet-gate.ts'

// Thresholds of the test manifest: 0.3 and 0.6; combined raw = fast / 2 + full / 4.
const UNCERTAIN = 0.57

async function verdictOn(
  fast: number,
  full: () => unknown,
  setup: PuppetSetup = {},
  options: AssessOptions = {},
): Promise<{ verdict: Verdict; names: string[] }> {
  const { gate, backend } = puppetGate({
    answer: ({ name }) => (name === TASKS.full ? full() : answerOf(fast)),
    ...setup,
  })
  const { verdict } = await gate.assess(photo(), options)
  return { verdict, names: backend.names }
}

describe('a score is decided on at once where it suffices, or where lower ones need the budget more', () => {
  test.each([
    [0.9, 'accept', 1, false],
    [0.59, 'down-weight', 0.98, true],
  ] as const)('%f: %s', async (value, decision, weight, uncertain) => {
    const { verdict, names } = await verdictOn(value, () => failWith('scoring-failed'))
    expect(names).toEqual([TASKS.assess])
    expect(verdict).toMatchObject({
      decision,
      escalation: 'not-needed',
      uncertain,
      degraded: false,
      cached: false,
    })
    expect(verdict.weight).toBeCloseTo(weight)
    expect(verdict.score).toEqual(verdict.fast)
    expect(verdict.full).toBeUndefined()
    expect(verdict.reasons.length > 0).toBe(decision !== 'accept')
  })
})

describe('a low score that does not suffice gets a second look', () => {
  test('that overturns the decision', async () => {
    const { verdict, names } = await verdictOn(UNCERTAIN, () => fullAnswerOf(1))
    expect(names).toEqual([TASKS.assess, TASKS.full])
    expect(verdict).toMatchObject({
      decision: 'accept',
      weight: 1,
      escalation: 'overturned',
      uncertain: true,
      reasons: [],
    })
    expect(verdict.score?.method).toBe('combined')
    expect(verdict.score?.raw).toBeCloseTo(1.4 / 2 + 10 / 4)
    expect(verdict.full?.value).toBe(1)
    expect(verdict.fast?.value).toBe(UNCERTAIN)
    expect(verdict.measures).toEqual({ sharpness: 0.9, 'lower-face-occlusion': 0.01 })
    expect(verdict.timings).toMatchObject({ queueMs: 3, fullQueueMs: 3, diffiqaMs: 7, decodeMs: 1, diffiqaRMs: 4 })
  })

  test('that confirms it', async () => {
    const { verdict } = await verdictOn(UNCERTAIN, () => fullAnswerOf(0.5))
    expect(verdict).toMatchObject({ decision: 'down-weight', escalation: 'confirmed' })
  })

  test('with the paper’s preset, values are weighted by inverse variance', async () => {
    const { verdict } = await verdictOn(UNCERTAIN, () => fullAnswerOf(0.67), { options: { preset: 'paper' } })
    expect(verdict.score?.value).toBeCloseTo((UNCERTAIN + 0.67) / 2)
    expect(verdict.escalation).toBe('overturned')
  })

  test('because it would be refused, or the crop is unlike the training data', async () => {
    for (const [face, full] of [
      [scoredFace(0.3), 0.3],
      [scoredFace(0.9, { aligned: { ...scoredFace(0.9).aligned, residual: 7 } }), 1],
    ] as const) {
      const { gate, backend } = puppetGate({
        answer: ({ name }) => (name === TASKS.full ? fullAnswerOf(full) : answerOf(face)),
      })
      expect((await gate.assess(photo())).verdict).toMatchObject({ uncertain: true, escalation: 'confirmed' })
      expect(backend.names).toContain(TASKS.full)
    }
  })

  test('of a certain score too, when the caller asks for it, and beyond the budget', async () => {
    const setup = { options: { escalationBudget: 0 } }
    const { verdict } = await verdictOn(0.95, () => fullAnswerOf(1), setup, { full: true })
    expect(verdict).toMatchObject({ escalation: 'confirmed', uncertain: false, decision: 'accept' })
    expect(verdict.full).toBeDefined()
  })
})

describe('without a second look the fast score stands', () => {
  test.each<[string, Verdict['escalation'], () => unknown, PuppetSetup, AssessOptions?]>([
    ['no budget', 'skipped-budget', () => fullAnswerOf(1), { options: { escalationBudget: 0 } }],
    ['too little time for one', 'skipped-deadline', () => fullAnswerOf(1), { fullMs: 5000 }],
    ['too little time of this call', 'skipped-deadline', () => fullAnswerOf(1), { fullMs: 500 }, { deadlineMs: 400 }],
    ['time ran out', 'skipped-deadline', () => failWith('deadline-exceeded', { phase: 'running' }), {}],
    ['too many wait', 'skipped-budget', () => failWith('queue-full', { reason: 'capacity' }), {}],
    ['the wait is too long', 'skipped-deadline', () => failWith('queue-full', { reason: 'deadline' }), {}],
  ])('%s: %s', async (_, escalation, full, setup, options) => {
    const { verdict } = await verdictOn(UNCERTAIN, full, setup, options)
    expect(verdict).toMatchObject({ escalation, decision: 'down-weight', degraded: false, full: undefined })
    expect(verdict.score).toEqual(verdict.fast)
    expect(verdict).not.toHaveProperty('failure')
  })

  test.each(['worker-crashed', 'invalid-model-output', 'shutting-down'] as const)('%s', async (code) => {
    const { verdict } = await verdictOn(UNCERTAIN, () => failWith(code))
    expect(verdict).toMatchObject({ escalation: 'failed', failure: code, degraded: false })
  })

  test('a refusal at admission is no task', async () => {
    const { gate, backend } = puppetGate({ answer: () => answerOf(UNCERTAIN) })
    backend.refuse = (kind) => {
      try {
        return kind === 'full' ? failWith('queue-full', { reason: 'capacity' }) : undefined
      } catch (error) {
        return error as never
      }
    }
    expect((await gate.assess(photo())).verdict.escalation).toBe('skipped-budget')
    expect(backend.names).toEqual([TASKS.assess])
  })

  test('the full score leaves time for the answer', async () => {
    const { gate, backend } = puppetGate({
      answer: ({ name }) => (name === TASKS.full ? fullAnswerOf(1) : answerOf(UNCERTAIN)),
    })
    const before = performance.now()
    await gate.assess(photo(), { deadlineMs: 1000 })
    const [fast, full] = backend.runs as [(typeof backend.runs)[0], (typeof backend.runs)[0]]
    expect(fast.options.deadline).toBeGreaterThanOrEqual(before + 1000)
    expect(full.options.deadline).toBeLessThanOrEqual(fast.options.deadline - 40)
  })
})

test('escalations keep to their share of the faces', async () => {
  const { gate } = puppetGate({
    options: { escalationBudget: 0.2 },
    answer: ({ name }) => (name === TASKS.full ? fullAnswerOf(1) : answerOf(UNCERTAIN)),
  })
  const outcomes: string[] = []
  for (let i = 0; i < 200; i++) outcomes.push((await gate.assess(photo(`photo ${i}`))).verdict.escalation)
  const ran = outcomes.filter((outcome) => outcome === 'overturned').length
  expect(ran).toBeGreaterThanOrEqual(40)
  expect(ran).toBeLessThanOrEqual(10 + 40)
  expect(outcomes.filter((outcome) => outcome === 'skipped-budget')).toHaveLength(200 - ran)
})

test('the second look goes to the lowest of the traffic', async () => {
  for (const [traffic, escalation] of [
    [0.2, 'not-needed'],
    [0.9, 'confirmed'],
  ] as const) {
    let value: number = traffic
    const { gate } = puppetGate({
      options: { escalationBudget: 0.2 },
      answer: ({ name }) => (name === TASKS.full ? fullAnswerOf(0.4) : answerOf(value)),
    })
    for (let i = 0; i < 100; i++) await gate.assess(photo(`photo ${i}`))
    value = 0.45
    expect((await gate.assess(photo())).verdict).toMatchObject({ escalation, uncertain: true, decision: 'down-weight' })
  }
})

test('one slow start does not end escalation for good', async () => {
  const { gate } = puppetGate({
    fullMs: 6000,
    answer: ({ name }) => (name === TASKS.full ? fullAnswerOf(1) : answerOf(UNCERTAIN)),
  })
  const outcomes: string[] = []
  for (let i = 0; i < 20; i++) outcomes.push((await gate.assess(photo(`photo ${i}`))).verdict.escalation)
  expect(outcomes[0]).toBe('skipped-deadline')
  expect(outcomes.at(-1)).toBe('overturned')
})

test('every face of a photo is judged by itself, largest first', async () => {
  const { gate } = puppetGate({
    answer: ({ name }) => (name === TASKS.full ? fullAnswerOf(1) : answerOf(0.9, UNCERTAIN, 0.1)),
  })
  const { verdict, verdicts, faces } = await gate.assess(photo(), { faces: 'all' })
  expect(verdicts.map((one) => [one.decision, one.escalation])).toEqual([
    ['accept', 'not-needed'],
    ['accept', 'overturned'],
    ['down-weight', 'overturned'],
  ])
  expect(verdict).toBe(verdicts[0])
  expect(faces).toHaveLength(3)
})

test('an abort during the second look ends the assessment', async () => {
  const started = deferred<void>()
  const { gate } = puppetGate({
    answer: ({ name }, { signal }) => {
      if (name !== TASKS.full) return answerOf(UNCERTAIN)
      started.resolve()
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    },
  })
  const controller = new AbortController()
  const assessment = gate.assess(photo(), { signal: controller.signal })
  await started.promise
  controller.abort()
  await expect(assessment).rejects.toMatchObject({ code: 'aborted' })
})
