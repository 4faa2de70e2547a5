import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CalibrationFace } from '../../src/evaluation/calibration-face.ts'
import { type FitOptions, fitCalibration } from '../../src/evaluation/fit-calibration.ts'
import { binomialQuantile, fitReliability, upperQuantile } from '../../src/evaluation/fit-reliability.ts'
import { distribution, fitKnots, poolAdjacent } from '../../src/evaluation/isotonic.ts'
import { nonNegativeLogistic } from '../../src/evaluation/logistic.ts'
import { mildestThreshold } from '../../src/evaluation/matcher-threshold.ts'
import { seededRandom } from '../../src/evaluation/seeded-random.ts'
import { adjustScore, reliability } from '../../src/gate/weighting.ts'
import { applyKnots } from '../../src/quality/calibration.ts'
import { testManifest } from '../quality/stand-ins.ts'

const unit = fc.double({ min: 0, max: 1, noNaN: true })
const random = seededRandom('fit')
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform())
const rising = (values: readonly number[]): boolean =>
  values.every((value, i) => i === 0 || value >= (values[i - 1] as number))
const climbing = (values: readonly number[]): boolean => rising(values) && new Set(values).size === values.length

describe('isotonic maps', () => {
  test('pooling gives the nearest rising sequence, and keeps the weighted sum', () => {
    expect(poolAdjacent([1, 3, 2], [1, 1, 1])).toEqual([1, 2.5, 2.5])
    expect(poolAdjacent([4, 1], [3, 1])).toEqual([3.25, 3.25])
    fc.assert(
      fc.property(fc.array(fc.tuple(unit, fc.double({ min: 0.1, max: 9, noNaN: true })), { minLength: 1 }), (pairs) => {
        const [values, weights] = [pairs.map(([v]) => v), pairs.map(([, w]) => w)]
        const pooled = poolAdjacent(values, weights)
        expect(rising(pooled)).toBe(true)
        const sum = (of: readonly number[]): number => of.reduce((total, v, i) => total + v * (weights[i] as number), 0)
        expect(sum(pooled)).toBeCloseTo(sum(values), 6)
        if (rising(values)) expect(pooled).toEqual(values)
      }),
    )
  })

  test('a map rises strictly, has few knots, is never certain, and finds the probability behind the outcomes', () => {
    const raw = Array.from({ length: 4000 }, () => 6 * random.uniform() - 3)
    const truth = (x: number): number => 1 / (1 + Math.exp(-x))
    const knots = fitKnots(
      raw,
      raw.map((x) => (random.uniform() < truth(x) ? 1 : 0)),
      16,
    )
    for (const x of [-2, -1, 0, 1, 2]) expect(Math.abs(applyKnots(knots, x) - truth(x))).toBeLessThan(0.07)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: -50, max: 50, noNaN: true }), unit), { minLength: 40, maxLength: 80 }),
        (pairs) => {
          const made = fitKnots(
            pairs.map(([x]) => x),
            pairs.map(([, y]) => y),
            8,
          )
          expect(made.length).toBeLessThanOrEqual(33)
          expect(made.length).toBeGreaterThanOrEqual(2)
          const [xs, ys] = [made.map(([x]) => x), made.map(([, y]) => y)]
          expect([climbing(xs), climbing(ys)]).toEqual([true, true])
          expect(ys.every((y) => y > 0 && y < 1)).toBe(true)
        },
      ),
    )
  })

  test('of two raw scores the higher has the higher value, also where all outcomes are the same or fall', () => {
    const raw = Array.from({ length: 200 }, (_, i) => i / 40)
    for (const outcome of [() => 1, () => 0, (x: number) => 1 - x / 5, (x: number) => (x < 2 ? 0.2 : 0.9)]) {
      const knots = fitKnots(raw, raw.map(outcome), 8)
      expect(climbing([-4, ...raw, 9].map((x) => applyKnots(knots, x)))).toBe(true)
    }
  })

  test('a distribution rises from 0 to 1', () => {
    const knots = distribution(Array.from({ length: 500 }, () => random.uniform()))
    expect([knots[0], knots.at(-1)]).toEqual([
      [0, 0],
      [1, 1],
    ])
    expect(applyKnots(knots, 0.5)).toBeCloseTo(0.5, 1)
    expect(distribution([0.7, 0.7, 0.7])).toEqual([
      [0, 0],
      [0.7, 1],
      [1, 1],
    ])
  })
})

describe('non-negative logistic', () => {
  test('finds weights on the features’ own scale; a feature that misleads, or never varies, gets 0', () => {
    const rows = Array.from({ length: 1500 }, () => [normal(), 10 * normal(), normal(), 5])
    const outcome = rows.map(([a = 0, b = 0, c = 0]) =>
      random.uniform() < 1 / (1 + Math.exp(-(2 * a + 0.1 * b - c))) ? 1 : 0,
    )
    const [a, b, c, d] = nonNegativeLogistic(rows, outcome) as [number, number, number, number]
    expect(c).toBe(0)
    expect(d).toBe(0)
    expect(a / b).toBeGreaterThan(12)
    expect(a / b).toBeLessThan(32)
  })
})

describe('reliability', () => {
  test('binomial quantiles as SciPy gives them', () => {
    // scipy.stats.binom.ppf(0.1, n, p)
    expect(binomialQuantile(0.1, 10_000, 0.001)).toBe(6)
    expect(binomialQuantile(0.1, 100_000, 0.001)).toBe(87)
    expect(binomialQuantile(0.1, 100, 0.05)).toBe(2)
    expect(binomialQuantile(0.1, 2_000_000, 0.001)).toBe(1943)
  })

  test('an upper bound lies at or above the quantile', () => {
    const values = Float64Array.from({ length: 20_000 }, () => random.uniform()).sort()
    expect(upperQuantile(values, 0.01)).toBeGreaterThan(0.988)
    expect(upperQuantile(values, 0.01)).toBeLessThan(0.996)
  })

  for (const direction of ['similarity', 'distance'] as const)
    test(`no bin has more false matches than promised (${direction})`, () => {
      const sign = direction === 'similarity' ? 1 : -1
      const count = 80_000
      const quality = Float64Array.from({ length: count }, () => random.uniform())
      // The worse the photos, the more alike are different people.
      const score = quality.map((q) => sign * (0.1 + (0.12 + 0.08 * (1 - q) ** 2) * normal()))
      const [impostorMean, threshold, fmr] = [sign * 0.1, sign * 0.5, 1e-3]
      const knots = fitReliability({ score, quality }, { direction, impostorMean, threshold, fmr }) ?? []
      expect(rising(knots.map(([, r]) => r))).toBe(true)
      expect(knots.at(-1)).toEqual([1, 1])
      expect(knots[0]?.[1]).toBeLessThan(0.8)
      const worst = { raw: 0, adjusted: 0, all: 0 }
      quality.forEach((q, i) => {
        if (q > 1 / 8) return
        const adjusted = adjustScore(score[i] as number, reliability(knots, q), { direction, impostorMean })
        worst.all++
        if (sign * ((score[i] as number) - threshold) >= 0) worst.raw++
        if (sign * (adjusted - threshold) >= 0) worst.adjusted++
      })
      expect(worst.raw / worst.all).toBeGreaterThan(5 * fmr)
      expect(worst.adjusted / worst.all).toBeLessThan(1.5 * fmr)
    })

  test('too few comparisons, or no false match at all: nothing is fitted', () => {
    const few = { score: Float64Array.of(0.1, 0.2), quality: Float64Array.of(0.5, 0.6) }
    const options = { direction: 'similarity', impostorMean: 0, threshold: 0.5 } as const
    expect(fitReliability(few, { ...options, fmr: 1e-3 })).toBeUndefined()
    expect(fitReliability(few, { ...options, fmr: 0 })).toBeUndefined()
  })
})

describe('mildestThreshold()', () => {
  const scores = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 200 })
  const passing = (direction: 'similarity' | 'distance', given: readonly number[], threshold: number): number =>
    given.filter((score) => (direction === 'similarity' ? score >= threshold : score < threshold)).length

  test.each(['similarity', 'distance'] as const)(
    'of a %s: no more pass than allowed, however many are equal, and no milder one would do',
    (direction) => {
      fc.assert(
        fc.property(scores, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (given, fmr) => {
          const rounded = given.map((score) => score / 20)
          const threshold = mildestThreshold(rounded, { direction, fmr })
          expect(passing(direction, rounded, threshold)).toBeLessThanOrEqual(fmr * rounded.length)
          // With the best of those that fail, and its equals, it would be too many.
          const sign = direction === 'similarity' ? 1 : -1
          const better = rounded.map((score) => sign * score)
          const failing = better.filter((score) => (sign > 0 ? score < threshold : -score >= threshold))
          expect(failing.length).toBeGreaterThan(0)
          const reached = better.filter((score) => score >= Math.max(...failing))
          expect(reached.length).toBeGreaterThan(fmr * rounded.length)
        }),
      )
    },
  )

  test('known numbers: the ties of a matcher that rounds are on one side', () => {
    const ties = [0.1, 0.1, 0.2, 0.5, 0.5, 0.5, 0.5, 0.6, 0.7, 0.8]
    expect(mildestThreshold(ties, { direction: 'similarity', fmr: 0.3 })).toBeCloseTo(0.55)
    expect(mildestThreshold(ties, { direction: 'similarity', fmr: 0.5 })).toBeCloseTo(0.55)
    expect(mildestThreshold(ties, { direction: 'distance', fmr: 0.3 })).toBeCloseTo(0.35)
    expect(mildestThreshold(ties, { direction: 'similarity', fmr: 0.01 })).toBeGreaterThan(0.8)
    expect(mildestThreshold(ties, { direction: 'distance', fmr: 0.01 })).toBeLessThanOrEqual(0.1)
  })
})

describe('fitCalibration()', () => {
  const shipped = testManifest().scoring
  const names = ['forward', 'backward', 'log-norm'] as const
  const scoring = {
    ...shipped,
    tuned: { ...shipped.tuned, terms: names.map((feature) => ({ feature, timestep: 20, draws: 1, weight: 1 })) },
  }
  const terms = names.length

  /** People are directions; a photo is its person plus as much noise as it is bad. */
  function people(count: number, each: number): CalibrationFace[] {
    return Array.from({ length: count }, (_, person) => {
      const centre = Array.from({ length: 24 }, normal)
      return Array.from({ length: 2 * each }, (_, i): CalibrationFace => {
        const natural = i < each
        const badness = natural ? 0.2 + 0.4 * random.uniform() : 2.5 * random.uniform()
        return {
          person: `p${person}`,
          photo: person * each + (i % each),
          natural,
          fast: { raw: -badness + 0.2 * normal(), sigma: 0.2 },
          features: Array.from({ length: terms }, (_, t) => -badness * (t + 1) + 0.3 * normal()),
          embedding: Float32Array.from(centre, (value) => value + badness * normal()),
        }
      })
    }).flat()
  }
  const cosine = (a: Float32Array, b: Float32Array): number => {
    const dot = (x: Float32Array, y: Float32Array): number =>
      x.reduce((sum, value, i) => sum + value * (y[i] as number), 0)
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  }
  const options = (change: Partial<FitOptions> = {}): FitOptions => ({
    matcher: { direction: 'similarity', threshold: undefined, compare: cosine },
    scoring,
    ownFeatures: false,
    fmr: 1e-2,
    ...change,
  })
  const faces = people(60, 4)

  test('threshold and mean of the impostors, probabilities that mean what they say, thresholds in order', () => {
    const { scoring: fitted, matcher, facts } = fitCalibration(faces, options())
    expect(facts).toMatchObject({ people: 60, photos: 240, copies: 240, withoutFaceForMatcher: 0 })
    expect(facts.falseMatchRate).toBeCloseTo(0.01, 2)
    expect(Math.abs(matcher.impostorMean)).toBeLessThan(0.03)
    expect(matcher.threshold).toBeGreaterThan(0.3)
    expect(applyKnots(fitted.regressor.knots, -0.3)).toBeGreaterThan(0.9)
    expect(applyKnots(fitted.regressor.knots, -2.4)).toBeLessThan(0.5)
    for (const { probe, enrolment } of Object.values(fitted.thresholds)) {
      expect(probe.rejectBelow).toBeLessThanOrEqual(probe.acceptFrom)
      expect(enrolment.rejectBelow).toBeGreaterThanOrEqual(probe.rejectBelow)
    }
    for (const policy of ['lenient', 'balanced', 'strict'] as const)
      expect(fitted.thresholds[policy].probe.rejectBelow).toBeLessThanOrEqual(
        scoring.thresholds[policy].probe.rejectBelow,
      )
    expect(fitted.tuned.terms).toEqual(scoring.tuned.terms)
    expect(fitted.cascade.combination).toMatchObject({ regressor: scoring.cascade.combination.regressor })
  })

  test("with the matcher's own features the weights are fitted too; a distance is read the other way round", () => {
    const own = fitCalibration(faces, options({ ownFeatures: true }))
    expect(own.scoring.tuned.terms).not.toEqual(scoring.tuned.terms)
    expect(own.scoring.tuned.terms.every(({ weight }) => weight >= 0)).toBe(true)
    const { regressor, full } = own.scoring.cascade.combination
    expect(regressor + full).toBeCloseTo(1, 4)
    const distance = (a: Float32Array, b: Float32Array): number => 1 - cosine(a, b)
    const turned = fitCalibration(
      faces,
      options({ matcher: { direction: 'distance', threshold: undefined, compare: distance } }),
    )
    const straight = fitCalibration(faces, options())
    expect(turned.matcher.threshold).toBeCloseTo(1 - straight.matcher.threshold, 5)
    expect(turned.scoring.regressor.knots).toEqual(straight.scoring.regressor.knots)
  })

  test("the matcher's own threshold is kept; faces that it does not see are counted and left out", () => {
    const matcher = { direction: 'similarity', threshold: 0.6, compare: cosine } as const
    const blind = faces.map((face, i) => (i % 10 === 0 ? { ...face, embedding: undefined } : face))
    const { matcher: fitted, facts } = fitCalibration(blind, options({ matcher }))
    expect(fitted.threshold).toBe(0.6)
    expect(facts.withoutFaceForMatcher).toBe(48)
  })

  test('a matcher that rounds gets a threshold at which no more pass than was asked for', () => {
    const rounded = (a: Float32Array, b: Float32Array): number => Math.round(10 * cosine(a, b)) / 10
    for (const fmr of [0.01, 0.05]) {
      const matcher = { direction: 'similarity', threshold: undefined, compare: rounded } as const
      const { matcher: fitted, facts } = fitCalibration(faces, options({ matcher, fmr }))
      expect(facts.falseMatchRate).toBeLessThanOrEqual(fmr)
      expect((fitted.threshold * 10) % 1).toBeCloseTo(0.5)
    }
  })

  test('a false match rate that the photos cannot show is refused; the matcher’s own threshold needs none', () => {
    const fmr = 1e-7
    expect(() => fitCalibration(faces, options({ fmr }))).toThrow(
      expect.objectContaining({
        code: 'invalid-option',
        details: { option: 'fmr', needed: 1e7, impostorComparisons: (240 * 236) / 2 },
      }),
    )
    const matcher = { direction: 'similarity', threshold: 0.6, compare: cosine } as const
    expect(fitCalibration(faces, options({ fmr, matcher })).matcher.threshold).toBe(0.6)
  })

  test.each([
    ['nobody', [], { people: 0 }],
    ['one person', people(1, 30), { people: 1 }],
    ['a few people', people(5, 4), { people: 5 }],
    ['good photos only, of which none fails', people(40, 4).filter(({ natural }) => natural), { failing: 0 }],
  ])('%s is too little', (_, given, details) => {
    expect(() => fitCalibration(given, options())).toThrow(
      expect.objectContaining({ code: 'invalid-option', details: expect.objectContaining(details) }),
    )
  })
})
