import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RecentScores } from '../../src/gate/recent-scores.ts'

function seeing(scores: Iterable<number>, firstCut = 0): RecentScores {
  const recent = new RecentScores(firstCut)
  for (const raw of scores) recent.add(raw)
  return recent
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

describe('RecentScores', () => {
  test('until the traffic is known, the first cut stands for it', () => {
    const recent = seeing(Array(63).fill(100), 5)
    expect([recent.isLow(5, 0.15), recent.isLow(5.1, 0.15)]).toEqual([true, false])
    recent.add(100)
    expect(recent.isLow(100, 0.15)).toBe(true)
  })

  test('nine tenths of the share are low, in whatever order they came', () => {
    const scores = fc.shuffledSubarray(upTo(200), { minLength: 64 })
    fc.assert(
      fc.property(scores, fc.double({ min: 0, max: 0.99, noNaN: true }), (seen, share) => {
        const recent = seeing(seen)
        const low = seen.filter((raw) => recent.isLow(raw, share)).length
        expect(low).toBe(Math.floor(0.9 * share * seen.length) + 1)
      }),
    )
  })

  test('what was long ago is forgotten', () => {
    const recent = seeing([...upTo(1000).map(() => -10), ...upTo(256)])
    expect([recent.isLow(34, 0.15), recent.isLow(35, 0.15)]).toEqual([true, false])
  })

  test('where all are alike, all are low: the budget decides', () => {
    expect(seeing(Array(100).fill(3)).isLow(3, 0.01)).toBe(true)
  })

  test('a share of 1 is everybody, from the first face on', () => {
    expect(new RecentScores(0).isLow(1e9, 1)).toBe(true)
  })
})
