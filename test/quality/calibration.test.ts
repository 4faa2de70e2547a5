import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Knots } from '../../src/inference/manifest.ts'
import { applyKnots, calibrate, combine, sigmaAt, slopeAt } from '../../src/quality/calibration.ts'
import type { QualityScore } from '../../src/quality/types.ts'
import { testManifest } from './stand-ins.ts'

const KNOTS: Knots = [
  [0, 0.1],
  [1, 0.1],
  [2, 0.5],
  [4, 0.9],
]

const step = fc.double({ min: 0.01, max: 3, noNaN: true })
const rise = fc.double({ min: 0, max: 1, noNaN: true })
/** Any monotone map with 1 to 33 knots and values in 0..1. */
const anyKnots: fc.Arbitrary<Knots> = fc.array(fc.tuple(step, rise), { minLength: 1, maxLength: 33 }).map((steps) => {
  const total = steps.reduce((sum, [, dy]) => sum + dy, 0) || 1
  let [x, y] = [-5, 0]
  return steps.map(([dx, dy]) => {
    x += dx
    y = Math.min(1, y + dy / total)
    return [x, y] as const
  })
})
const raw = fc.double({ min: -50, max: 150, noNaN: true })

describe('applyKnots', () => {
  it.each([
    [-7, 0.1],
    [0, 0.1],
    [0.5, 0.1],
    [1.5, 0.3],
    [2, 0.5],
    [3, 0.7],
    [4, 0.9],
    [99, 0.9],
    [Number.POSITIVE_INFINITY, 0.9],
  ])('%s → %s', (x, y) => {
    expect(applyKnots(KNOTS, x)).toBeCloseTo(y, 12)
  })

  it('goes through every knot, never falls, and stays within the knots', () => {
    fc.assert(
      fc.property(anyKnots, raw, raw, (knots, a, b) => {
        for (const [x, y] of knots) expect(applyKnots(knots, x)).toBeCloseTo(y, 12)
        expect(applyKnots(knots, Math.min(a, b))).toBeLessThanOrEqual(applyKnots(knots, Math.max(a, b)) + 1e-12)
        expect(applyKnots(knots, a)).toBeGreaterThanOrEqual(0)
        expect(applyKnots(knots, a)).toBeLessThanOrEqual(1 + 1e-12)
      }),
    )
  })
})

it('slopeAt is the slope of the piece right of x, 0 outside', () => {
  expect([-1, 0.5, 1, 1.9, 2, 3.9, 4, 9].map((x) => slopeAt(KNOTS, x))).toEqual(
    [0, 0, 0.4, 0.4, 0.2, 0.2, 0, 0].map((slope) => expect.closeTo(slope, 12)),
  )
})

describe('sigmaAt', () => {
  it('is slope times sigma on a straight piece', () => {
    expect(sigmaAt(KNOTS, 3, 0.5)).toBeCloseTo(slopeAt(KNOTS, 3) * 0.5, 12)
  })

  it('does not claim certainty on a flat piece beside a steep one', () => {
    expect(slopeAt(KNOTS, 0.9)).toBe(0)
    expect(sigmaAt(KNOTS, 0.9, 1)).toBeGreaterThan(0.1)
  })

  it('is never negative and never more than half the scale', () => {
    fc.assert(
      fc.property(anyKnots, raw, fc.double({ min: 0, noNaN: true }), (knots, x, sigma) => {
        expect(sigmaAt(knots, x, sigma)).toBeGreaterThanOrEqual(-1e-12)
        expect(sigmaAt(knots, x, sigma)).toBeLessThanOrEqual(0.5 + 1e-12)
      }),
    )
  })
})

it('calibrate keeps the raw number beside its meaning', () => {
  expect(calibrate(KNOTS, 3, 0.5)).toEqual({ value: expect.closeTo(0.7, 12), sigma: expect.closeTo(0.1, 12), raw: 3 })
})

describe('combine', () => {
  const { scoring } = testManifest()
  const fast: QualityScore = { value: 0.4, sigma: 0.1, method: 'diffiqa-r', raw: -2, modelVersion: 'v' }
  const full: QualityScore = { value: 0.8, sigma: 0.2, method: 'diffiqa', raw: 8, modelVersion: 'v', terms: [] }

  it('adds the raw scores with the fitted weights and calibrates the sum', () => {
    expect(combine(fast, full, scoring)).toEqual({
      raw: 0.5 * -2 + 0.25 * 8,
      value: expect.closeTo((1 + 10) / 20, 12),
      sigma: expect.closeTo(0.4 / 20, 12),
      method: 'combined',
      modelVersion: 'v',
      terms: [],
    })
  })

  it("weights by inverse variance for the paper's preset", () => {
    const { value, sigma, raw: number } = combine(fast, full, scoring, 'paper')
    expect(value).toBeCloseTo((0.4 / 0.01 + 0.8 / 0.04) / (1 / 0.01 + 1 / 0.04), 12)
    expect(sigma).toBeCloseTo(Math.sqrt(1 / (1 / 0.01 + 1 / 0.04)), 12)
    expect(number).toBe(value)
  })

  it('trusts the certain one of two, and the middle of two certain ones', () => {
    const certain = (score: QualityScore): QualityScore => ({ ...score, sigma: 0 })
    expect(combine(certain(fast), full, scoring, 'paper').value).toBe(0.4)
    expect(combine(fast, certain(full), scoring, 'paper').value).toBe(0.8)
    expect(combine(certain(fast), certain(full), scoring, 'paper').value).toBeCloseTo(0.6, 12)
  })
})
