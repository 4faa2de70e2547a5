import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { defineAdapter } from '../../src/adapters/define-adapter.ts'
import { guard } from '../../src/adapters/guard.ts'
import type { GuardOptions, ProbeInput } from '../../src/adapters/guard-types.ts'
import type { Candidate, Comparison, Matcher, Probe, ScoreScale } from '../../src/adapters/matcher.ts'
import { createProbe, type FaceQuality } from '../../src/adapters/probe.ts'
import { DiffiqaError } from '../../src/errors.ts'
import type { Knots } from '../../src/inference/manifest.ts'
import { fakeAssessment, fakeGate, photoOf } from '../fixtures/fake-gate.ts'

const SIMILARITY: ScoreScale = { direction: 'similarity', min: 0, max: 1, impostorMean: 0.2, defaultThreshold: 0.5 }
const DISTANCE: ScoreScale = { direction: 'distance', min: 0, max: Infinity, impostorMean: 1.2, defaultThreshold: 0.6 }

/** A matcher that knows everybody and remembers its calls. */
function fakeMatcher(answer: { score?: number; candidates?: Candidate[]; scale?: ScoreScale } = {}) {
  const { score = 0.9, scale = SIMILARITY } = answer
  return defineAdapter({
    name: 'fake',
    scale,
    identify: vi.fn(
      async (_probe: Probe): Promise<Candidate[]> =>
        answer.candidates ?? [{ subject: 'ada', score, source: { id: 7 } }],
    ),
    verify: vi.fn(async (): Promise<Comparison> => ({ score, source: { id: 8 } })),
    enrol: vi.fn(async (subject: string) => ({ subject, source: { id: 9 } })),
    remove: vi.fn(async () => {}),
    embed: vi.fn(async () => [Float32Array.of(1, 2)]),
  })
}

function qualityOf(
  value: number,
  purpose: 'probe' | 'enrolment' = 'probe',
  mode: 'enforce' | 'shadow' = 'enforce',
): FaceQuality {
  const assessment = fakeAssessment(value, purpose, mode)
  const bytes = photoOf(value)
  return { ...assessment, bytes, probe: createProbe(bytes, assessment) }
}

const [good, mild, bad] = [photoOf(0.9), photoOf(0.55), photoOf(0.2)]

describe('guard() in enforce', () => {
  it('hands an accepted probe on and changes nothing', async () => {
    const [matcher, gate] = [fakeMatcher(), fakeGate()]
    const result = await guard(matcher, gate).identify(good)
    expect(result.candidates).toEqual([
      { subject: 'ada', rawScore: 0.9, adjustedScore: 0.9, weight: 1, match: true, source: { id: 7 } },
    ])
    expect(result.verdict.decision).toBe('accept')
    expect(result.answer).toBe(await matcher.identify.mock.results[0]?.value)
    expect(matcher.identify.mock.calls[0]?.[0].photo).toBe(good)
    expect(gate.matcherEvents).toEqual([
      {
        matcher: 'fake',
        operation: 'identify',
        outcome: 'ok',
        durationMs: expect.any(Number),
        purpose: 'probe',
        rawScore: 0.9,
        adjustedScore: 0.9,
      },
    ])
  })

  it('never calls the matcher for a rejected probe, and says why', async () => {
    const [matcher, gate] = [fakeMatcher(), fakeGate()]
    const guarded = guard(matcher, gate)
    const refused = expect.objectContaining({
      code: 'quality-rejected',
      status: 422,
      message: 'Hold still.',
      details: {
        photo: 'probe',
        score: 0.2,
        sigma: 0.02,
        method: 'diffiqa-r',
        threshold: 0.4,
        reasons: [{ code: 'blur', measure: 'sharpness', value: 0.12, threshold: 0.3, advice: 'Hold still.' }],
      },
    })
    await expect(guarded.identify(bad)).rejects.toEqual(refused)
    await expect(guarded.verify(bad, { subject: 'ada' })).rejects.toEqual(refused)
    await expect(guarded.embed(bad)).rejects.toEqual(refused)
    await expect(guarded.enrol('bo', bad)).rejects.toMatchObject({
      code: 'quality-rejected',
      details: { threshold: 0.6 },
    })
    await expect(guarded.verify(good, { photo: bad })).rejects.toMatchObject({ details: { photo: 'reference' } })
    for (const method of [matcher.identify, matcher.verify, matcher.enrol, matcher.embed])
      expect(method).not.toHaveBeenCalled()
    expect(gate.matcherEvents.map(({ operation, outcome, durationMs }) => [operation, outcome, durationMs])).toEqual([
      ['identify', 'withheld', 0],
      ['verify', 'withheld', 0],
      ['enrol', 'withheld', 0],
      ['verify', 'withheld', 0],
    ])
  })

  it('withholds photos that cannot be assessed, with the error of the gate', async () => {
    const [matcher, gate] = [fakeMatcher(), fakeGate()]
    await expect(guard(matcher, gate).identify(new Uint8Array(0))).rejects.toMatchObject({ code: 'no-face' })
    expect(matcher.identify).not.toHaveBeenCalled()
    expect(gate.matcherEvents).toMatchObject([{ outcome: 'withheld' }])
  })

  it('draws the score of a mildly poor probe towards the mean impostor score', async () => {
    const [matcher, gate] = [fakeMatcher({ score: 0.52 }), fakeGate()]
    const { candidates, verdict } = await guard(matcher, gate).identify(mild)
    expect(verdict.decision).toBe('down-weight')
    // The ramp of matchers that nobody calibrated: 0.8 at 0.4, 1 at 0.7, so 0.9 at 0.55.
    expect(candidates[0]).toMatchObject({ rawScore: 0.52, match: false })
    expect(candidates[0]?.weight).toBeCloseTo(0.9, 10)
    expect(candidates[0]?.adjustedScore).toBeCloseTo(0.2 + 0.9 * 0.32, 10)
  })

  it('takes the fitted reliability of the manifest, and options above it', async () => {
    const knots: Knots = [
      [0.4, 0.6],
      [0.7, 0.9],
      [1, 1],
    ]
    const gate = fakeGate({ downWeighting: { fake: { impostorMean: 0.1, knots } } })
    const matcher = { ...fakeMatcher({ score: 0.6 }), calibration: 'fake' }
    const adjusted = async (options: GuardOptions): Promise<number> =>
      (await guard(matcher, gate, options).identify(mild)).candidates[0]?.adjustedScore as number
    expect(await adjusted({})).toBeCloseTo(0.1 + 0.75 * 0.5, 10)
    expect(await adjusted({ downWeight: { impostorMean: 0.3 } })).toBeCloseTo(0.3 + 0.75 * 0.3, 10)
    expect(
      await adjusted({
        downWeight: {
          knots: [
            [0, 0.5],
            [1, 1],
          ],
        },
      }),
    ).toBeCloseTo(0.1 + 0.775 * 0.5, 10)
    expect(await adjusted({ downWeight: false })).toBe(0.6)
    const other = guard(fakeMatcher({ score: 0.6 }), gate)
    expect((await other.identify(mild)).candidates[0]?.weight).toBeCloseTo(0.9, 10)
  })

  it('reads distances the other way round', async () => {
    const matcher = fakeMatcher({ score: 0.57, scale: DISTANCE })
    const guarded = guard(matcher, fakeGate())
    expect((await guarded.identify(good)).candidates[0]).toMatchObject({ adjustedScore: 0.57, match: true })
    const [candidate] = (await guarded.identify(mild)).candidates
    expect(candidate?.adjustedScore).toBeCloseTo(1.2 - 0.9 * 0.63, 10)
    expect(candidate?.match).toBe(false)
    expect((await guard(matcher, fakeGate(), { threshold: 0.57 }).identify(good)).candidates[0]?.match).toBe(false)
  })

  it('counts the lower quality of probe and enrolled photo, and keeps the order', async () => {
    const candidates: Candidate[] = [
      { subject: 'ada', score: 0.8, referenceQuality: 0.5, source: 1 },
      { subject: 'bo', score: 0.79, referenceQuality: 0.95, source: 2 },
      { subject: 'cy', score: 0.1, referenceQuality: 0.5, source: 3 },
    ]
    const matcher = fakeMatcher({ candidates })
    const result = await guard(matcher, fakeGate()).identify(good)
    expect(result.candidates.map(({ subject }) => subject)).toEqual(['ada', 'bo', 'cy'])
    expect(result.candidates[0]?.adjustedScore).toBeLessThan(0.8)
    expect(result.candidates[1]).toMatchObject({ adjustedScore: 0.79, weight: 1 })
    expect(result.candidates[2]).toMatchObject({ adjustedScore: 0.1, rawScore: 0.1 })
    expect(result.answer).toBe(candidates)
  })

  it('assesses both photos of a verification and counts the worse', async () => {
    const [matcher, gate] = [fakeMatcher({ score: 0.6 }), fakeGate()]
    const guarded = guard(matcher, gate)
    const result = await guarded.verify(good, { photo: mild })
    expect(result).toMatchObject({
      rawScore: 0.6,
      verdict: { decision: 'accept' },
      referenceVerdict: { decision: 'down-weight' },
      source: { id: 8 },
    })
    expect(result.adjustedScore).toBeCloseTo(0.2 + 0.9 * 0.4, 10)
    const [probe, reference] = matcher.verify.mock.calls[0] as unknown as [Probe, { probe: Probe }]
    expect([probe.photo, reference.probe.photo]).toEqual([good, mild])
    expect((await guarded.verify(good, { subject: 'ada' })).referenceVerdict).toBeUndefined()
  })

  it('enrols by the stricter thresholds and hands the quality on', async () => {
    const [matcher, gate] = [fakeMatcher(), fakeGate()]
    const guarded = guard(matcher, gate)
    const answer = await guarded.enrol('ada', good)
    expect(answer).toEqual({
      subject: 'ada',
      source: { id: 9 },
      verdict: expect.objectContaining({ purpose: 'enrolment' }),
    })
    expect(matcher.enrol).toHaveBeenCalledWith('ada', expect.objectContaining({ photo: good }), { quality: 0.9 })
    await expect(guarded.enrol('bo', mild)).rejects.toMatchObject({ code: 'quality-rejected' })
    await guarded.remove('ada')
    expect(matcher.remove).toHaveBeenCalledWith('ada', {})
    expect(gate.matcherEvents.map(({ operation, outcome, purpose }) => [operation, outcome, purpose])).toEqual([
      ['enrol', 'ok', 'enrolment'],
      ['enrol', 'withheld', 'enrolment'],
      ['remove', 'ok', 'enrolment'],
    ])
  })

  it('embeds one face with the weight for pooling', async () => {
    const assessment = { ...fakeAssessment(0.55), aligned: [{ pixels: new Uint8Array(3) }] } as unknown as FaceQuality
    const input = { ...assessment, bytes: mild, probe: createProbe(mild, assessment) }
    const answer = await guard(fakeMatcher(), fakeGate()).embed(input)
    expect(answer).toEqual({ verdict: assessment.verdict, weight: 0.75, embedding: Float32Array.of(1, 2) })
  })
})

describe('guard() with req.faceQuality', () => {
  it('does not score it again', async () => {
    const [matcher, gate] = [fakeMatcher(), fakeGate()]
    const quality = qualityOf(0.9)
    const { verdict } = await guard(matcher, gate).identify(quality)
    expect(verdict).toBe(quality.verdict)
    expect(matcher.identify.mock.calls[0]?.[0]).toBe(quality.probe)
    expect(gate.assess).not.toHaveBeenCalled()
  })

  it('judges a probe anew when it is to be enrolled', async () => {
    const [matcher, gate] = [fakeMatcher(), fakeGate()]
    const guarded = guard(matcher, gate)
    await expect(guarded.enrol('ada', qualityOf(0.55))).rejects.toMatchObject({
      code: 'quality-rejected',
      details: { threshold: 0.6, score: 0.55, reasons: [{ code: 'low_score' }] },
    })
    const { verdict } = await guarded.enrol('ada', qualityOf(0.75))
    expect(verdict).toMatchObject({
      decision: 'down-weight',
      purpose: 'enrolment',
      thresholds: { rejectBelow: 0.6, acceptFrom: 0.8 },
    })
    expect(verdict.weight).toBeCloseTo(0.5 + 0.5 * 0.75, 10)
    expect((await guarded.enrol('bo', qualityOf(0.8))).verdict.decision).toBe('accept')
    expect(matcher.enrol).toHaveBeenCalledTimes(2)
    expect(gate.assess).not.toHaveBeenCalled()
  })

  it('never takes an enrolment’s verdict more mildly as a probe', async () => {
    const guarded = guard(fakeMatcher(), fakeGate())
    await expect(guarded.identify(qualityOf(0.55, 'enrolment'))).rejects.toMatchObject({ code: 'quality-rejected' })
    expect((await guarded.identify(qualityOf(0.7, 'enrolment'))).verdict.decision).toBe('down-weight')
  })

  it('keeps the mode the photo was assessed in, unless it has its own', async () => {
    const quality = qualityOf(0.2, 'probe', 'shadow')
    expect((await guard(fakeMatcher(), fakeGate()).identify(quality)).candidates).toHaveLength(1)
    await expect(guard(fakeMatcher(), fakeGate(), { mode: 'enforce' }).identify(quality)).rejects.toMatchObject({
      code: 'quality-rejected',
    })
  })
})

describe.each(['shadow', 'annotate'] as const)('guard() in %s', (mode) => {
  it.each([
    ['good', good],
    ['mild', mild],
    ['bad', bad],
    ['faceless', new Uint8Array(0)],
  ])('lets a %s probe through and changes no score', async (_, photo) => {
    const candidates = [
      { subject: 'ada', score: 0.9, referenceQuality: 0.3, source: {} },
      { subject: 'bo', score: 0.4, source: {} },
    ]
    const matcher = fakeMatcher({ candidates, score: 0.7 })
    const guarded = guard(matcher, fakeGate({ mode }))
    const result = await guarded.identify(photo)
    expect(result.candidates).toEqual([
      { subject: 'ada', rawScore: 0.9, adjustedScore: 0.9, weight: 1, match: true, source: candidates[0]?.source },
      { subject: 'bo', rawScore: 0.4, adjustedScore: 0.4, weight: 1, match: false, source: candidates[1]?.source },
    ])
    expect(await guarded.verify(photo, { photo })).toMatchObject({ rawScore: 0.7, adjustedScore: 0.7, weight: 1 })
    expect(await guarded.enrol('ada', photo)).toMatchObject({ subject: 'ada' })
    expect(matcher.identify.mock.calls[0]?.[0].photo).toBe(photo)
  })

  it('tells in the event what the score would have become', async () => {
    const gate = fakeGate({ mode })
    await guard(fakeMatcher({ score: 0.6 }), gate).identify(mild)
    expect(gate.matcherEvents).toMatchObject([{ outcome: 'ok', rawScore: 0.6, adjustedScore: 0.2 + 0.9 * 0.4 }])
  })

  it("tells scores as a share of the matcher's scale", async () => {
    const gate = fakeGate({ mode })
    const percent = {
      name: 'percent',
      scale: { direction: 'similarity', min: 0, max: 100, impostorMean: 12, defaultThreshold: 80 } as const,
      identify: async () => [{ subject: 'ada', score: 90, source: 1 }],
    }
    await guard(percent, gate).identify(mild)
    const { rawScore, adjustedScore } = gate.matcherEvents[0] ?? {}
    expect(rawScore).toBeCloseTo(0.9)
    expect(adjustedScore).toBeLessThan(0.9)
    expect(adjustedScore).toBeGreaterThan(0.12)
  })

  it('marks what could not be assessed', async () => {
    const { verdict } = await guard(fakeMatcher(), fakeGate({ mode })).identify(new Uint8Array(0))
    expect(verdict).toMatchObject({ degraded: true, failure: 'no-face', mode, score: undefined })
  })
})

describe('guard() and the faults of a matcher', () => {
  it("gives the SDK's error a code, hands the very object on as its cause, and counts it", async () => {
    const thrown = Object.assign(new Error('throttled'), { $fault: 'server' })
    const gate = fakeGate()
    const matcher = defineAdapter({
      name: 'fake',
      scale: SIMILARITY,
      identify: async (): Promise<Candidate[]> => {
        throw thrown
      },
      verify: (): Promise<Comparison> => {
        throw thrown
      },
    })
    for (const call of [guard(matcher, gate).identify(good), guard(matcher, gate).verify(good, { subject: 'ada' })]) {
      const error = await call.catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'matcher-failed', details: { matcher: 'fake' } })
      expect((error as Error).cause).toBe(thrown)
    }
    expect(gate.matcherEvents.map(({ outcome }) => outcome)).toEqual(['error', 'error'])
  })

  it('leaves an error that has a code already as it is', async () => {
    const matcher = fakeMatcher()
    const thrown = new DiffiqaError('subject-unknown')
    matcher.identify.mockRejectedValue(thrown)
    await expect(guard(matcher, fakeGate()).identify(good)).rejects.toBe(thrown)
  })

  it.each([
    ['nothing', undefined],
    ['no list', { subject: 'ada', score: 1 }],
    ['a hole', [null]],
    ['no subject', [{ score: 0.9, source: 1 }]],
    ['no score', [{ subject: 'ada', source: 1 }]],
    ['a score in words', [{ subject: 'ada', score: '0.9', source: 1 }]],
    ['NaN', [{ subject: 'ada', score: Number.NaN, source: 1 }]],
    ['an endless score', [{ subject: 'ada', score: Infinity, source: 1 }]],
    ['percent where 0..1 was declared', [{ subject: 'ada', score: 87, source: 1 }]],
    ['a quality above 1', [{ subject: 'ada', score: 0.9, referenceQuality: 87, source: 1 }]],
  ])('refuses an answer with %s', async (_, answer) => {
    const gate = fakeGate()
    const matcher = fakeMatcher({ candidates: answer as unknown as Candidate[] })
    matcher.identify.mockResolvedValue(answer as unknown as Candidate[])
    await expect(guard(matcher, gate).identify(good)).rejects.toMatchObject({ code: 'matcher-invalid-answer' })
    expect(gate.matcherEvents).toMatchObject([{ outcome: 'error' }])
  })

  it('refuses unusable answers of the other methods', async () => {
    const matcher = fakeMatcher()
    const guarded = guard(matcher, fakeGate())
    matcher.verify.mockResolvedValue({ score: Number.NaN, source: 1 })
    await expect(guarded.verify(good, { subject: 'ada' })).rejects.toMatchObject({ code: 'matcher-invalid-answer' })
    matcher.enrol.mockResolvedValue(undefined as never)
    await expect(guarded.enrol('ada', good)).rejects.toMatchObject({ code: 'matcher-invalid-answer' })
    const quality = { ...qualityOf(0.9), probe: { aligned: {} } as Probe }
    for (const answer of [[], [[1, 2]], [Float32Array.of(1, Number.NaN)], 'AAAA']) {
      matcher.embed.mockResolvedValue(answer as Float32Array<ArrayBuffer>[])
      await expect(guarded.embed(quality)).rejects.toMatchObject({ code: 'matcher-invalid-answer' })
    }
  })

  it('takes scores that rounding carried past the end of the scale', async () => {
    const { candidates } = await guard(fakeMatcher({ score: 1.0000001 }), fakeGate()).identify(good)
    expect(candidates[0]?.rawScore).toBe(1.0000001)
  })

  it('ends the wait when the call is aborted, though the SDK goes on, and passes the signal', async () => {
    const gate = fakeGate()
    const matcher = fakeMatcher()
    let fail = (_: Error): void => {}
    matcher.identify.mockImplementation(
      () =>
        new Promise((_, reject) => {
          fail = reject
        }),
    )
    const controller = new AbortController()
    const call = guard(matcher, gate).identify(good, { signal: controller.signal })
    await vi.waitFor(() => expect(matcher.identify).toHaveBeenCalled())
    expect(matcher.identify.mock.calls[0]?.at(1)).toEqual({ limit: 5, signal: controller.signal })
    controller.abort()
    await expect(call).rejects.toMatchObject({ code: 'aborted' })
    expect(gate.matcherEvents).toMatchObject([{ outcome: 'aborted' }])
    fail(new Error('late')) // An unhandled rejection would fail this run.
    await new Promise((resolve) => setImmediate(resolve))
  })

  it('does not call the matcher when aborted before', async () => {
    const [matcher, gate] = [fakeMatcher(), fakeGate({ mode: 'shadow' })]
    const signal = AbortSignal.abort()
    for (const input of [good, qualityOf(0.9)])
      await expect(guard(matcher, gate).identify(input, { signal })).rejects.toMatchObject({ code: 'aborted' })
    expect(matcher.identify).not.toHaveBeenCalled()
  })

  it('keeps many calls at the same time apart', async () => {
    const matcher = fakeMatcher()
    matcher.identify.mockImplementation(async (probe) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5))
      return [{ subject: `person-${probe.photo[0]}`, score: 0.6, source: null }]
    })
    const guarded = guard(matcher, fakeGate())
    const values = Array.from({ length: 60 }, (_, index) => 0.41 + index / 101)
    const results = await Promise.all(values.map((value) => guarded.identify(photoOf(value))))
    for (const [index, { verdict, candidates }] of results.entries()) {
      const hundredths = Math.round((values[index] as number) * 100)
      expect(candidates[0]?.subject).toBe(`person-${hundredths}`)
      expect(verdict.score?.value).toBe(hundredths / 100)
    }
  })
})

describe('guard() and wrong input', () => {
  const fetchBefore = globalThis.fetch
  beforeEach(() => {
    globalThis.fetch = vi.fn(async () => {
      throw new Error('fetched')
    })
  })
  afterEach(() => {
    globalThis.fetch = fetchBefore
  })

  it.each([
    ['a URL', 'https://example.org/face.jpg'],
    ['a file URL', 'file:///etc/passwd'],
    ['a path', '/etc/passwd'],
    ['base64', 'iVBORw0KGgo='],
    ['a URL object', new URL('file:///etc/passwd')],
    ['a field with a string', { bytes: 'https://example.org/face.jpg' }],
    ['nothing', undefined],
    ['null', null],
    ['a list of numbers', [255, 216]],
    ['a forged assessment', { verdict: { decision: 'accept' }, probe: {}, bytes: 'x' }],
  ])('takes %s for no photo, fetches nothing and calls nobody', async (_, input) => {
    for (const mode of ['enforce', 'shadow'] as const) {
      const [matcher, gate] = [fakeMatcher(), fakeGate({ mode })]
      const guarded = guard(matcher, gate)
      const photo = input as unknown as ProbeInput
      await expect(guarded.identify(photo)).rejects.toMatchObject({ code: 'invalid-option' })
      await expect(guarded.enrol('ada', photo)).rejects.toMatchObject({ code: 'invalid-option' })
      await expect(guarded.verify(good, { photo })).rejects.toMatchObject({ code: 'invalid-option' })
      expect(matcher.identify).not.toHaveBeenCalled()
      expect(matcher.enrol).not.toHaveBeenCalled()
      expect(matcher.verify).not.toHaveBeenCalled()
      expect(globalThis.fetch).not.toHaveBeenCalled()
    }
  })

  it('refuses unusable subjects and limits before it assesses', async () => {
    const gate = fakeGate()
    const guarded = guard(fakeMatcher(), gate)
    for (const subject of ['', 'a\nb', 'x'.repeat(129), 5 as unknown as string]) {
      await expect(guarded.enrol(subject, good)).rejects.toMatchObject({ code: 'invalid-subject' })
      await expect(guarded.verify(good, { subject })).rejects.toMatchObject({ code: 'invalid-subject' })
      await expect(guarded.remove(subject)).rejects.toMatchObject({ code: 'invalid-subject' })
    }
    for (const limit of [0, -1, 1.5, Number.NaN])
      await expect(guarded.identify(good, { limit })).rejects.toMatchObject({ code: 'invalid-option' })
    for (const reference of [null, 'ada', {}])
      await expect(guarded.verify(good, reference as never)).rejects.toMatchObject({ code: 'invalid-option' })
    expect(gate.assess).not.toHaveBeenCalled()
  })

  it.each([
    [{ treshold: 0.5 }, 'treshold'],
    [{ threshold: 1.5 }, 'threshold'],
    [{ threshold: Number.NaN }, 'threshold'],
    [{ mode: 'off' }, 'mode'],
    [{ faces: 'all' }, 'faces'],
    [{ downWeight: { knot: [] } }, 'downWeight.knot'],
    [{ downWeight: { impostorMean: -1 } }, 'downWeight.impostorMean'],
    [{ downWeight: { knots: [] } }, 'downWeight.knots'],
    [{ downWeight: { knots: [5, 6] } }, 'downWeight.knots'],
    [
      {
        downWeight: {
          knots: [
            [0, 0],
            [1, 1],
          ],
        },
      },
      'downWeight.knots',
    ],
    [
      {
        downWeight: {
          knots: [
            [0, 0.9],
            [0.5, 0.8],
            [1, 1],
          ],
        },
      },
      'downWeight.knots',
    ],
    [
      {
        downWeight: {
          knots: [
            [0, 0.9],
            [1, 1.1],
          ],
        },
      },
      'downWeight.knots',
    ],
    [
      {
        downWeight: {
          knots: [
            [0.5, 0.9],
            [0.5, 1],
          ],
        },
      },
      'downWeight.knots',
    ],
    [
      {
        downWeight: {
          knots: [
            [0, 0.5],
            [1, 0.9],
          ],
        },
      },
      'downWeight.knots',
    ],
  ])('refuses the options %j', (options, option) => {
    expect(() => guard(fakeMatcher(), fakeGate(), options as GuardOptions)).toThrow(
      expect.objectContaining({ code: 'invalid-option', details: { option } }),
    )
  })
})

describe('guard() as a whole', () => {
  it('has the methods of the matcher and no others', () => {
    const { identify } = fakeMatcher()
    const guarded = guard(defineAdapter({ name: 'search', scale: SIMILARITY, identify }), fakeGate())
    expect(Object.keys(guarded)).toEqual(['name', 'scale', 'matcher', 'identify', 'identifyFrames'])
    expectTypeOf(guarded).toHaveProperty('identify')
    expectTypeOf(guarded).not.toHaveProperty('enrol')
    const loose: Matcher = fakeMatcher()
    expectTypeOf(guard(loose, fakeGate()).enrol).toBeNullable()
  })

  it('calls a matcher that is a class instance as its method', async () => {
    class Acme {
      readonly name = 'acme'
      readonly scale = SIMILARITY
      #calls = 0
      async identify(): Promise<Candidate[]> {
        this.#calls++
        return [{ subject: String(this.#calls), score: 0.9, source: null }]
      }
    }
    expect((await guard(new Acme(), fakeGate()).identify(good)).candidates[0]?.subject).toBe('1')
  })

  it('writes nothing to the console', async () => {
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const matcher = fakeMatcher()
    const guarded = guard(matcher, fakeGate())
    await guarded.identify(good)
    await guarded.identify(bad).catch(() => {})
    matcher.identify.mockRejectedValue(new Error('secret'))
    await guarded.identify(good).catch(() => {})
    const written = [...out.mock.calls, ...err.mock.calls]
    out.mockRestore()
    err.mockRestore()
    expect(written).toEqual([])
  })

  it('never makes a score better, keeps the order of one probe, and falls with quality', async () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(SIMILARITY, DISTANCE),
        fc.array(unit, { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 40, max: 100 }),
        fc.integer({ min: 40, max: 100 }),
        async (scale, scores, q1, q2) => {
          const better = (a: number, b: number): boolean => (scale.direction === 'similarity' ? a > b : a < b)
          const candidates = scores.map((score) => ({ subject: 's', score, source: null }))
          const guarded = guard(fakeMatcher({ candidates, scale }), fakeGate())
          const [low, high] = [Math.min(q1, q2), Math.max(q1, q2)]
          const [poor, rich] = [await guarded.identify(photoOf(low / 100)), await guarded.identify(photoOf(high / 100))]
          for (const [i, a] of poor.candidates.entries()) {
            expect(better(a.adjustedScore, a.rawScore)).toBe(false)
            expect(better(a.adjustedScore, rich.candidates[i]?.adjustedScore as number)).toBe(false)
            for (const b of poor.candidates)
              if (better(a.rawScore, b.rawScore)) expect(better(b.adjustedScore, a.adjustedScore)).toBe(false)
          }
        },
      ),
    )
  })
})
