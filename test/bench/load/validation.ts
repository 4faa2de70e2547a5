import { cpus } from 'node:os'
import type { CapacityProfile } from '../../../src/capacity/profile.ts'
import { simulate } from '../../../src/capacity/simulate.ts'
import { markdownTable } from '../../../src/cli/markdown-table.ts'
import { seededRandom } from '../../../src/evaluation/seeded-random.ts'
import { poissonArrivals } from './arrivals.ts'
import type { Campaign } from './campaign.ts'
import { type Cell, type Spread, spread } from './cells.ts'

export const ALLOWED = 0.15
/** Runs with other service times; their middle counts. */
const RUNS = 9

interface Simulated {
  readonly goodput: number
  readonly shed: number
  readonly latency: Spread
}

function play(cell: Cell, run: number, profile: CapacityProfile): Simulated {
  const { load, workers, escalation, generatorCpu, offered } = cell
  const { warmSeconds, seconds, perSecond = 0, uncertain, seed } = load
  const outcomes = simulate(
    poissonArrivals(seed, perSecond, warmSeconds + seconds, uncertain),
    {
      cores: cpus().length,
      workers,
      escalationBudget: escalation === 0 ? 0 : 1,
      besideMs: (1000 * generatorCpu) / offered,
    },
    profile,
    seededRandom(`${seed} ${run}`).uniform,
  )
  const [from, to] = [warmSeconds * 1000, (warmSeconds + seconds) * 1000]
  const inside = outcomes.filter(({ done }) => done >= from && done < to)
  const verdicts = inside.filter(({ answer }) => answer === 'verdict')
  return {
    goodput: verdicts.length / seconds,
    shed: inside.filter(({ answer }) => answer === 'shed').length / seconds,
    latency: spread(verdicts.map(({ at, done }) => done - at)),
  }
}

const error = (simulated: number, measured: number): number => simulated / measured - 1
const signed = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(0)} %`
export interface Validation {
  readonly text: string
  /** How far off the rate of verdicts is in each cell: simulated over measured, less 1. */
  readonly goodput: ReadonlyMap<string, number>
}

/** The open-loop cells of a campaign in the simulation, the same photos at the same instants, and how far off it is. */
export function validationOf({ cells, profile, date }: Campaign): Validation {
  const rows: string[][] = []
  const byCell = new Map<string, number>()
  const errors = { goodput: [] as number[], p50: [] as number[], p99: [] as number[] }
  for (const cell of cells.filter(({ load }) => load.loop === 'open')) {
    const plays = Array.from({ length: RUNS }, (_, run) => play(cell, run, profile))
    const middle = (of: (one: Simulated) => number): number => spread(plays.map(of)).p50
    const [goodput, shed] = [middle((one) => one.goodput), middle((one) => one.shed)]
    const [p50, p99] = [middle((one) => one.latency.p50), middle((one) => one.latency.p99)]
    const off = {
      goodput: error(goodput, cell.goodput),
      p50: error(p50, cell.latency.p50),
      p99: error(p99, cell.latency.p99),
    }
    for (const key of ['goodput', 'p50', 'p99'] as const) errors[key].push(off[key])
    byCell.set(`${cell.workers} workers, ${100 * cell.escalation} %, ${cell.times}×`, off.goodput)
    rows.push([
      String(cell.workers),
      `${100 * cell.escalation} %`,
      `${cell.times}×`,
      `${cell.goodput.toFixed(1)} / ${goodput.toFixed(1)}`,
      signed(off.goodput),
      `${cell.latency.p50.toFixed(0)} / ${p50.toFixed(0)}`,
      signed(off.p50),
      `${cell.latency.p99.toFixed(0)} / ${p99.toFixed(0)}`,
      signed(off.p99),
      `${cell.shed.toFixed(1)} / ${shed.toFixed(1)}`,
    ])
  }
  const header = [
    'workers',
    'escalation',
    'load',
    'verdicts/s, measured / simulated',
    '',
    'p50 ms',
    '',
    'p99 ms',
    '',
    'shed/s',
  ]
  const summary = Object.entries(errors).map(([key, list]) => {
    const sizes = list.map(Math.abs)
    const within = sizes.filter((size) => size <= ALLOWED).length
    const { p50, max } = spread(sizes)
    return [key, `${(100 * p50).toFixed(1)} %`, `${(100 * max).toFixed(1)} %`, `${within} of ${sizes.length}`]
  })
  const text = `Open loop, campaign of ${date.slice(0, 10)}; simulated is the middle of ${RUNS} runs.

${markdownTable(header, rows)}
${markdownTable(['error of the simulation', 'median', 'largest', 'cells within 15 %'], summary)}`
  return { text, goodput: byCell }
}
