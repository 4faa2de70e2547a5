import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { guard } from '../../src/adapters/guard.ts'
import { deepface } from '../../src/adapters/http-deepface.ts'
import { human } from '../../src/adapters/human.ts'
import type { Matcher, ScoreScale } from '../../src/adapters/matcher.ts'
import { pgvector } from '../../src/adapters/pgvector.ts'
import type { Calibration, MatcherCalibration } from '../../src/gate/calibration.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { calibrationOf } from '../fixtures/calibration.ts'
import { fakeGate, photoOf } from '../fixtures/fake-gate.ts'

const SCALE: ScoreScale = { direction: 'similarity', min: -1, max: 1, impostorMean: 0, defaultThreshold: 0.3 }
const gateWith = (matcher: Partial<MatcherCalibration>): Gate => {
  const calibration: Calibration = calibrationOf({ matcher: { ...calibrationOf().matcher, ...matcher } })
  return Object.assign(
    fakeGate({
      downWeighting: {
        shipped: {
          impostorMean: 0.2,
          knots: [
            [0, 0.6],
            [1, 1],
          ],
        },
      },
    }),
    { calibration },
  )
}
const matcherOf = (score: number, change: Partial<Matcher> = {}) => ({
  name: 'own',
  scale: SCALE,
  identify: async () => [{ subject: 'ada', score, source: 0 }],
  ...change,
})
const first = async (matcher: ReturnType<typeof matcherOf>, gate: Gate, quality = 0.5) =>
  (await guard(matcher, gate).identify(photoOf(quality))).candidates[0]

describe("guard() with the gate's calibration", () => {
  it('takes threshold, impostor mean and r(q) from it', async () => {
    const gate = gateWith({
      name: 'own',
      threshold: 0.45,
      impostorMean: 0.1,
      knots: [
        [0.5, 0.5],
        [1, 1],
      ],
    })
    expect(await first(matcherOf(0.9), gate)).toMatchObject({ weight: 0.5, match: true })
    expect((await first(matcherOf(0.9), gate))?.adjustedScore).toBeCloseTo(0.5)
    expect(await first(matcherOf(0.44), gate, 0.9)).toMatchObject({ weight: 1, match: false })
    // What is given to guard() itself comes first.
    const { candidates } = await guard(matcherOf(0.44), gate, { threshold: 0.4, downWeight: false }).identify(
      photoOf(0.5),
    )
    expect(candidates[0]).toMatchObject({ match: true, adjustedScore: 0.44 })
  })

  it('without r(q), and for a matcher it was not made for, uses the ramp, not the r(q) of another scale of values', async () => {
    const ramp = 0.8 + (0.2 * (0.5 - 0.4)) / 0.3
    const { knots: _, ...rest } = calibrationOf().matcher
    const bare = Object.assign(fakeGate(), { calibration: calibrationOf({ matcher: { ...rest, name: 'own' } }) })
    expect((await first(matcherOf(0.9), bare))?.weight).toBeCloseTo(ramp)
    const other = await first(matcherOf(0.9, { calibration: 'shipped' }), gateWith({ name: 'another' }))
    expect(other?.weight).toBeCloseTo(ramp)
    expect(other).toMatchObject({ match: true })
  })

  it('refuses one that was made for another network or scale of the same adapter', () => {
    const mismatch = expect.objectContaining({ code: 'calibration-mismatch' })
    expect(() => guard(matcherOf(0.5, { modelId: 'b' }), gateWith({ name: 'own', modelId: 'a' }))).toThrow(mismatch)
    expect(() => guard(matcherOf(0.5), gateWith({ name: 'own', direction: 'distance' }))).toThrow(mismatch)
    expect(() => guard(matcherOf(0.5, { modelId: 'a' }), gateWith({ name: 'own', modelId: 'a' }))).not.toThrow()
    expect(() => guard(matcherOf(0.5), gateWith({ name: 'own', threshold: 7 }))).toThrow(
      expect.objectContaining({ code: 'invalid-option', details: { option: 'threshold' } }),
    )
  })

  it('refuses one for another network of an adapter that comes along', () => {
    const instance = { detect: async () => ({ face: [] }), match: { similarity: () => 0 }, tf: {} }
    const embedder = { modelId: 'b', dimension: 2, scale: SCALE, embed: async () => [] }
    const adapters: Matcher[] = [
      human(instance as never, { modelId: 'b' }),
      pgvector({ query: async () => ({ rows: [] }) }, embedder),
      deepface({ url: 'http://127.0.0.1:1', model: 'ArcFace' }),
    ]
    for (const matcher of adapters) {
      const { name, scale } = matcher
      const fitted = { name, direction: scale.direction, ...(scale.direction === 'distance' && { impostorMean: 0.9 }) }
      expect(() => guard(matcher, gateWith({ ...fitted, modelId: 'a' })), name).toThrow(
        expect.objectContaining({ code: 'calibration-mismatch' }),
      )
      expect(() => guard(matcher, gateWith({ ...fitted, modelId: matcher.modelId as string }))).not.toThrow()
    }
  })

  it('whatever was fitted: never better than raw, never better for a worse photo, candidates keep their order', async () => {
    const knots = fc
      .uniqueArray(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 8 })
      .chain((x) =>
        fc
          .array(fc.double({ min: 0.05, max: 1, noNaN: true }), { minLength: x.length, maxLength: x.length })
          .map((r) => [
            ...[...x].sort((a, b) => a - b).map((at, i) => [at, [...r].sort((a, b) => a - b)[i] as number] as const),
            [1, 1] as const,
          ]),
      )
    const score = fc.double({ min: -1, max: 1, noNaN: true })
    const quality = fc.integer({ min: 40, max: 100 }).map((hundredths) => hundredths / 100)
    await fc.assert(
      fc.asyncProperty(knots, score, score, quality, quality, async (given, a, b, p, q) => {
        const gate = gateWith({ name: 'own', knots: given })
        const matcher = matcherOf(0, {
          identify: async () => [a, b].sort((x, y) => y - x).map((one) => ({ subject: 's', score: one, source: 0 })),
        })
        const [low, high] = await Promise.all(
          [Math.min(p, q), Math.max(p, q)].map(
            async (one) => (await guard(matcher, gate).identify(photoOf(one))).candidates,
          ),
        )
        for (const candidates of [low, high]) {
          for (const { rawScore, adjustedScore } of candidates ?? [])
            expect(adjustedScore).toBeLessThanOrEqual(rawScore)
          expect(candidates?.[0]?.adjustedScore).toBeGreaterThanOrEqual(candidates?.[1]?.adjustedScore as number)
        }
        expect(low?.[0]?.adjustedScore).toBeLessThanOrEqual((high?.[0]?.adjustedScore as number) + 1e-12)
      }),
      { numRuns: 60 },
    )
  })
})
