import type { Figure } from './statistics.ts'

export interface BenchGoal {
  readonly what: string
  readonly wanted: string
  readonly found: string
  readonly met: boolean
}

/** What the figures of one run say of the goals; a figure that was not taken has no goal. */
export function judge(figures: readonly Figure[]): BenchGoal[] {
  const find = (begin: string): Figure | undefined => figures.find(({ name }) => name.startsWith(begin))
  const goals: BenchGoal[] = []
  const limit = (begin: string, most: number, of: 'median' | 'p99' = 'median'): void => {
    const found = find(begin)
    if (!found) return
    const { name, unit } = found
    const value = found[of]
    goals.push({
      what: `${name}, ${of}`,
      wanted: `≤ ${most} ${unit}`,
      found: `${value.toFixed(2)} ${unit}`,
      met: value <= most,
    })
  }
  const ratio = (what: string, slow: string, fast: string, least: number): void => {
    const [a, b] = [find(slow), find(fast)]
    if (!a || !b) return
    const value = a.median / b.median
    goals.push({ what, wanted: `≥ ${least}`, found: value.toFixed(1), met: value >= least })
  }
  limit('DifFIQA(R), one face', 3)
  limit('full DifFIQA, tuned', 100)
  limit('photo in → verdict, no escalation', 20)
  limit('photo in → verdict, no escalation', 30, 'p99')
  ratio('throughput of two workers over one', 'throughput, two', 'throughput, one', 1.8)
  limit('event loop delay at twice', 10, 'p99')
  ratio("Human's detect over photo → verdict", "Human's own", 'photo in → verdict, no escalation', 10)
  ratio("DifFIQA's official cost over full DifFIQA, tuned", "DifFIQA's official cost", 'full DifFIQA, tuned', 300)
  limit('gate without model time', 1)
  limit("import of 'express-diffiqa'", 50)
  limit('createGate() until ready', 1500)
  limit('resident memory', 300)
  limit('growth over', 5)
  return goals
}
