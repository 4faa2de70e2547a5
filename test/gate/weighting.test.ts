import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { adjustScore, pairQuality, reliability, type ShrinkageScale } from '../../src/gate/weighting.ts'

const scores = fc.double({ min: -100, max: 100, noNaN: true })
const weights = fc.double({ min: 0.01, max: 1, noNaN: true })
const scales = fc.record({
  direction: fc.constantFrom('similarity' as const, 'distance' as const),
  impostorMean: scores,
})
const unit = fc.double({ min: 0, max: 1, noNaN: true })

/** Rising knots from somewhere above 0 to at most 1. */
const knotLists = fc
  .tuple(fc.uniqueArray(unit, { minLength: 2, maxLength: 33 }), fc.array(weights, { minLength: 33, maxLength: 33 }))
  .map(([xs, ys]) => {
    const sorted = [...ys].sort((a, b) => a - b)
    return [...xs].sort((a, b) => a - b).map((x, i) => [x, sorted[i] as number] as const)
  })

/** Positive when a is the better match. */
const better = (a: number, b: number, { direction }: ShrinkageScale): number =>
  direction === 'similarity' ? a - b : b - a

describe('R1 to R5 of one-sided shrinkage', () => {
  test('R1: a better raw score never gets a worse adjusted one', () => {
    fc.assert(
      fc.property(scales, weights, scores, scores, (scale, weight, a, b) => {
        const [worse, best] = better(a, b, scale) >= 0 ? [b, a] : [a, b]
        expect(
          better(adjustScore(best, weight, scale), adjustScore(worse, weight, scale), scale),
        ).toBeGreaterThanOrEqual(-1e-12)
      }),
    )
  })

  test('R2: better quality never gets a worse adjusted score', () => {
    fc.assert(
      fc.property(scales, knotLists, scores, unit, unit, (scale, knots, raw, p, q) => {
        const [low, high] = [Math.min(p, q), Math.max(p, q)].map((quality) =>
          adjustScore(raw, reliability(knots, quality), scale),
        ) as [number, number]
        expect(better(high, low, scale)).toBeGreaterThanOrEqual(-1e-12)
      }),
    )
  })

  test('R3: never better than raw, to the last bit', () => {
    fc.assert(
      fc.property(scales, weights, scores, (scale, weight, raw) => {
        expect(better(adjustScore(raw, weight, scale), raw, scale)).toBeLessThanOrEqual(0)
      }),
    )
  })

  test('R4: the best quality leaves the score alone, whatever the knots say', () => {
    fc.assert(
      fc.property(scales, knotLists, scores, (scale, knots, raw) => {
        expect(adjustScore(raw, reliability(knots, 1), scale)).toBe(raw)
      }),
    )
  })

  test('R5: the pair is as good as its worse photo, in either order; an unknown reference leaves the probe', () => {
    fc.assert(
      fc.property(unit, unit, (a, b) => {
        expect(pairQuality(a, b)).toBe(pairQuality(b, a))
        expect(pairQuality(a, b)).toBe(Math.min(a, b))
      }),
    )
    expect(pairQuality(0.4)).toBe(0.4)
  })

  test('the threshold seen from the other side: raw passes τ after shrinking only above m + (τ − m)/w', () => {
    const scale = { direction: 'similarity', impostorMean: 0.1 } as const
    expect(adjustScore(0.1 + 0.4 / 0.8 + 0.001, 0.8, scale)).toBeGreaterThan(0.5)
    expect(adjustScore(0.1 + 0.4 / 0.8 - 0.001, 0.8, scale)).toBeLessThan(0.5)
  })
})

test('known numbers', () => {
  expect(adjustScore(0.9, 0.5, { direction: 'similarity', impostorMean: 0.1 })).toBeCloseTo(0.5)
  expect(adjustScore(0.05, 0.5, { direction: 'similarity', impostorMean: 0.1 })).toBe(0.05)
  expect(adjustScore(0.4, 0.5, { direction: 'distance', impostorMean: 1 })).toBeCloseTo(0.7)
  expect(adjustScore(1.2, 0.5, { direction: 'distance', impostorMean: 1 })).toBe(1.2)
})

test('what is no number is refused', () => {
  const scale = { direction: 'similarity', impostorMean: 0 } as const
  expect(() => adjustScore(Number.NaN, 0.5, scale)).toThrow(expect.objectContaining({ code: 'matcher-invalid-answer' }))
  expect(() => reliability([[0, 1]], Number.NaN)).toThrow(expect.objectContaining({ code: 'scoring-failed' }))
})
