import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { estimate, resamplePeople } from '../../src/evaluation/bootstrap.ts'
import { compare, oracleOrder } from '../../src/evaluation/compare.ts'
import { discardOrder, edcCurve, failures, pairQuality, seededShuffle } from '../../src/evaluation/edc.ts'
import { allPairs, filterPairs } from '../../src/evaluation/pairs.ts'
import { pauc, utility } from '../../src/evaluation/pauc.ts'
import { fnmrAbove, thresholdForDiscard, thresholdForFnmr } from '../../src/evaluation/propose.ts'
import { seededRandom } from '../../src/evaluation/seeded-random.ts'
import { thresholdAtFmr } from '../../src/evaluation/similarity.ts'

const pairOutcomes = fc.array(
  fc.record({ fails: fc.boolean(), quality: fc.double({ min: -9, max: 9, noNaN: true }) }),
  {
    minLength: 2,
    maxLength: 80,
  },
)
const mixed = pairOutcomes.filter((rows) => rows.some(({ fails }) => fails) && rows.some(({ fails }) => !fails))
const failedOf = (rows: readonly { fails: boolean }[]): Uint8Array =>
  Uint8Array.from(rows, ({ fails }) => Number(fails))

describe('error versus discard', () => {
  test('a curve by hand: the worst pair goes first', () => {
    const failed = Uint8Array.of(0, 1, 0, 1)
    const order = discardOrder([0.5, 0.1, 0.9, 0.3], seededShuffle(4, 'x'))
    expect([...order]).toEqual([1, 3, 0, 2])
    const { discarded, fnmr } = edcCurve(failed, order)
    expect([...discarded]).toEqual([0, 0.25, 0.5, 0.75])
    expect([...fnmr]).toEqual([2 / 4, 1 / 3, 0, 0])
    // ∫ up to .375: .25 · 1/2 + .125 · 1/3, over .375 · 1/2
    expect(pauc(failed, order, [0.375])[0]).toBeCloseTo((0.25 / 2 + 0.125 / 3) / (0.375 / 2), 12)
  })

  test('a pair is as good as its worse photo; without a score it goes first, without a face it fails', () => {
    const { genuine } = allPairs(['a', 'a', 'a'])
    expect([...pairQuality([0.2, Number.NaN, 0.7], genuine)]).toEqual([-Infinity, 0.2, -Infinity])
    expect([...failures(Float64Array.of(0.5, 0.4, Number.NaN), 0.5)]).toEqual([0, 1, 1])
  })

  test('a random score is worth nothing: pAUC is about 1', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seededRandom(String(seed))
        const failed = Uint8Array.from({ length: 20_000 }, () => (random.uniform() < 0.3 ? 1 : 0))
        const order = discardOrder(
          Float64Array.from(failed, () => random.uniform()),
          seededShuffle(20_000, 't'),
        )
        for (const value of pauc(failed, order, [0.2, 0.3])) expect(Math.abs(value - 1)).toBeLessThan(0.03)
      }),
      { numRuns: 20, seed: 1 },
    )
  })

  test('so is one that is the same for all', () => {
    const failed = Uint8Array.from({ length: 20_000 }, (_, k) => (k % 4 === 0 ? 1 : 0))
    const order = discardOrder(new Float64Array(20_000), seededShuffle(20_000, 't'))
    expect(Math.abs((pauc(failed, order, [0.3])[0] as number) - 1)).toBeLessThan(0.05)
  })

  test('the oracle has utility 1, and no score more', () => {
    fc.assert(
      fc.property(mixed, (rows) => {
        const failed = failedOf(rows)
        const shuffle = seededShuffle(rows.length, 's')
        const [best] = pauc(failed, oracleOrder(failed, shuffle), [0.3])
        const quality = rows.map((row) => row.quality)
        const [value] = pauc(failed, discardOrder(quality, shuffle), [0.3])
        const same = rows.map(({ fails }) => (fails ? 1 : 2))
        const [informed] = pauc(failed, discardOrder(same, shuffle), [0.3])
        if ((best as number) < 1) {
          expect(utility(informed as number, best as number)).toBeCloseTo(1, 9)
          expect(utility(value as number, best as number)).toBeLessThanOrEqual(1 + 1e-9)
        }
      }),
    )
  })

  test('only the order of the scores counts', () => {
    fc.assert(
      fc.property(mixed, (rows) => {
        const shuffle = seededShuffle(rows.length, 's')
        // Coarse numbers: two that differ still do so after exp().
        const quality = rows.map((row) => Math.round(row.quality * 4) / 4)
        const order = discardOrder(quality, shuffle)
        const stretched = quality.map((value) => 3 * Math.exp(value) - 7)
        expect([...discardOrder(stretched, shuffle)]).toEqual([...order])
      }),
    )
  })

  test('where nothing fails there is no pAUC', () => {
    expect(pauc(new Uint8Array(5), seededShuffle(5, 's'), [0.2])[0]).toBeNaN()
    expect(utility(Number.NaN, Number.NaN)).toBeNaN()
  })

  test('whole weights are the same as repeated pairs', () => {
    const weighted = pauc(Uint8Array.of(1, 0, 1), Int32Array.of(0, 1, 2), [0.4, 1], Float64Array.of(2, 0, 3))
    const repeated = pauc(Uint8Array.of(1, 1, 1, 1, 1), Int32Array.of(0, 1, 2, 3, 4), [0.4, 1])
    expect(weighted[1]).toBeCloseTo(repeated[1] as number, 12)
  })
})

describe('threshold at an FMR', () => {
  test('is the quantile of all impostor cosines of found faces', () => {
    const angles = Array.from({ length: 101 }, (_, k) => k / 100)
    const rows = [[1, 0], ...angles.map((cosine) => [cosine, Math.sqrt(1 - cosine ** 2)]), undefined]
    const impostors = (visit: (a: number, b: number) => void) => {
      for (let k = 1; k < rows.length; k++) visit(0, k)
    }
    expect(thresholdAtFmr(rows, impostors, 0.1)).toMatchObject({ threshold: expect.closeTo(0.9, 9), impostors: 101 })
    expect(thresholdAtFmr(rows, impostors, 0.105).threshold).toBeCloseTo(0.895, 9)
    expect(() => thresholdAtFmr(rows, () => {}, 0.1)).toThrow(/no impostor pairs/)
  })

  test('holds only the highest cosines, and the right ones', () => {
    const random = seededRandom('many')
    const rows = Array.from({ length: 400 }, () => [random.normal(), random.normal(), random.normal()])
    const { impostors } = allPairs(rows.map((_, k) => String(k)))
    const { threshold, impostors: count } = thresholdAtFmr(rows, impostors, 0.001)
    let above = 0
    const unit = rows.map((row) => row.map((x) => x / Math.hypot(...row)))
    impostors((a, b) => {
      const cosine = (unit[a] as number[]).reduce((sum, x, i) => sum + x * (unit[b]?.[i] as number), 0)
      if (cosine >= threshold) above++
    })
    expect(count).toBe(79_800)
    expect(above).toBe(80)
  })
})

describe('bootstrap over people', () => {
  test('draws as many people as have pairs, all pairs of one alike, and repeats itself', () => {
    const { genuine } = allPairs(['a', 'a', 'b', 'c', 'c', 'c'])
    const rounds = [...resamplePeople(genuine, 50, 's')].length
    expect(rounds).toBe(50)
    const draw = () => Array.from(resamplePeople(genuine, 50, 's'), (weight) => [...weight])
    for (const [a, ...c] of draw()) {
      expect(new Set(c).size).toBe(1)
      expect((a as number) + (c[0] as number)).toBe(2)
    }
    expect(draw()).toEqual(draw())
  })

  test('the interval holds 95 % and passes over rounds without a number', () => {
    const rounds = [...Array.from({ length: 201 }, (_, k) => k), Number.NaN]
    expect(estimate(7, rounds)).toEqual({ value: 7, low: 5, high: 195 })
    expect(estimate(7, [Number.NaN]).low).toBeNaN()
  })
})

describe('compare', () => {
  // Photos of 40 people; a photo's noise makes it fail, and `good` knows the noise.
  const random = seededRandom('world')
  const people = Array.from({ length: 160 }, (_, k) => `p${Math.floor(k / 4)}`)
  const centres = Array.from({ length: 40 }, () => Array.from({ length: 8 }, () => random.normal()))
  const noise = people.map(() => random.between(0.1, 1.3))
  const embeddings = people.map((_, k) =>
    (centres[Math.floor(k / 4)] as number[]).map((x) => x + (noise[k] as number) * random.normal()),
  )
  const scores = [
    { name: 'good', quality: Float64Array.from(noise, (x) => -x) },
    { name: 'random', quality: Float64Array.from(noise, () => random.uniform()) },
  ]
  const options = { limits: [0.05, 0.2], rounds: 100, seed: '1' }
  const run = () => compare(allPairs(people), [{ name: 'j', fmr: 0.01, embeddings }], scores, options)

  test('tells a good score from a random one, with intervals and a paired difference', () => {
    const { judges, results } = run()
    expect(judges[0]).toMatchObject({ judge: 'j', rankable: true })
    expect(results.map(({ score, judge }) => [score, judge])).toEqual([
      ['good', 'j'],
      ['good', undefined],
      ['random', 'j'],
      ['random', undefined],
    ])
    const [good, , , randomMean] = results
    expect(good?.utility[1]?.low).toBeGreaterThan(0.3)
    expect(good?.difference).toBeUndefined()
    expect(randomMean?.difference?.[1]?.high).toBeLessThan(-0.1)
    expect(randomMean?.utility[1]?.value).toBeCloseTo(results[2]?.utility[1]?.value as number, 12)
  })

  test('answers the same numbers again', () => {
    expect(run()).toEqual(run())
  })
})

describe('proposed thresholds', () => {
  test('refuse at most the wanted share of photos', () => {
    const quality = Float64Array.of(0.1, 0.2, 0.2, 0.2, 0.5, 0.6, 0.7, 0.8, 0.9, Number.NaN)
    expect(thresholdForDiscard(quality, 0.2)).toBe(0.2)
    expect(thresholdForDiscard(quality, 0.3)).toBe(0.2)
    expect(thresholdForDiscard(quality, 0.5)).toBe(0.5)
    expect(thresholdForDiscard(quality, 0.05)).toBeUndefined()
  })

  test('reach the wanted FNMR at the lowest threshold that does', () => {
    fc.assert(
      fc.property(mixed, fc.double({ min: 0.05, max: 0.6, noNaN: true }), (rows, wanted) => {
        const failed = failedOf(rows)
        const quality = Float64Array.from(rows, (row) => Math.round(row.quality) + 0)
        const threshold = thresholdForFnmr(failed, quality, wanted)
        const reaching = [...new Set(quality)].filter((value) => fnmrAbove(failed, quality, value) <= wanted)
        expect(threshold).toBe(reaching.length > 0 ? Math.min(...reaching) : undefined)
      }),
    )
  })

  test('pairs can be left out', () => {
    const kept = filterPairs(allPairs(['a', 'a', 'a']).genuine, (_, b) => b === 2)
    expect([...kept.first]).toEqual([0, 1])
    expect([...kept.person]).toEqual([0, 0])
  })
})
