import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { oracleOrder } from '../../src/evaluation/compare.ts'
import { discardOrder, failures, pairQuality } from '../../src/evaluation/edc.ts'
import { keptPauc, keptThresholds, rankImpostors } from '../../src/evaluation/kept-threshold.ts'
import { allPairs } from '../../src/evaluation/pairs.ts'
import { pauc, utility } from '../../src/evaluation/pauc.ts'
import { similarities, thresholdAtFmr } from '../../src/evaluation/similarity.ts'

interface Vectors {
  people: string[]
  embeddings: (number[] | null)[]
  fmr: number
  limits: number[]
  threshold: number
  failed: number[]
  shuffle: number[]
  weights: number[][]
  scores: Record<
    string,
    {
      quality: (number | null)[]
      pauc: number[][]
      utility: number[][]
      keptThresholds: number[]
      keptPauc: number[][]
    }
  >
}

/** Written by models/training/diffiqa_training/edc_vectors.py, an implementation in NumPy. */
const vectors: Vectors = JSON.parse(readFileSync(new URL('edc-vectors.json', import.meta.url), 'utf8'))

const embeddings = vectors.embeddings.map((row) => row ?? undefined)
const { genuine, impostors } = allPairs(vectors.people)
const failed = Uint8Array.from(vectors.failed)
const shuffle = Int32Array.from(vectors.shuffle)

describe('the independent implementation in NumPy agrees', () => {
  test('on the threshold and the failing pairs', () => {
    const { threshold, impostors: count } = thresholdAtFmr(embeddings, impostors, vectors.fmr)
    expect(Math.abs(threshold - vectors.threshold)).toBeLessThan(1e-6)
    expect(count).toBe((59 * 58) / 2 - 14 * 6 - 3)
    const own = failures(similarities(embeddings, genuine), threshold)
    expect([...own]).toEqual(vectors.failed)
    expect(own.filter((value) => value === 1).length).toBeGreaterThan(20)
  })

  test.each(Object.entries(vectors.scores))('on pAUC and utility of the %s score, with weights too', (_, expected) => {
    const quality = Float64Array.from(expected.quality, (value) => value ?? Number.NaN)
    const order = discardOrder(pairQuality(quality, genuine), shuffle)
    for (const [row, weights] of vectors.weights.entries()) {
      const weight = Float64Array.from(weights)
      const own = pauc(failed, order, vectors.limits, weight)
      const best = pauc(failed, oracleOrder(failed, shuffle), vectors.limits, weight)
      for (const [l] of vectors.limits.entries()) {
        const value = own[l] as number
        expect(Math.abs(value - (expected.pauc[row]?.[l] as number))).toBeLessThan(1e-6)
        const useful = utility(value, best[l] as number)
        expect(Math.abs(useful - (expected.utility[row]?.[l] as number))).toBeLessThan(1e-6)
      }
    }
  })

  test.each(Object.entries(vectors.scores))(
    'on thresholds of what the %s score keeps, and pAUC with them',
    (_, expected) => {
      const quality = Float64Array.from(expected.quality, (value) => value ?? Number.NaN)
      const order = discardOrder(pairQuality(quality, genuine), shuffle)
      const thresholds = keptThresholds(rankImpostors(embeddings, { impostors }), quality, genuine, order, vectors.fmr)
      expect(thresholds).toHaveLength(100)
      for (const [step, value] of thresholds.entries())
        expect(Math.abs(value - (expected.keptThresholds[step] as number))).toBeLessThan(1e-6)
      const similarity = similarities(embeddings, genuine)
      for (const [row, weights] of vectors.weights.entries()) {
        const own = keptPauc(similarity, order, thresholds, vectors.limits, Float64Array.from(weights))
        for (const [l] of vectors.limits.entries())
          expect(Math.abs((own[l] as number) - (expected.keptPauc[row]?.[l] as number))).toBeLessThan(1e-6)
      }
    },
  )
})
