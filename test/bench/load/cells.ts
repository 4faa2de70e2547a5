import { quantile } from '../../../src/evaluation/quantile.ts'
import { type Answer, isVerdict, type Load } from './answers.ts'
import type { Seen } from './processes.ts'

/** Default of the gate's maxQueue. */
const QUEUE_A_WORKER = 32

export interface Spread {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** One load on one service, in numbers. Times in milliseconds, rates a second. */
export interface Cell {
  readonly workers: number
  readonly escalation: number
  readonly load: Load
  /** Times the capacity. */
  readonly times: number | undefined
  readonly offered: number
  /** Requests answered with a verdict in the window. */
  readonly goodput: number
  readonly verdicts: number
  readonly latency: Spread
  readonly shed: number
  readonly shedLatency: Spread
  /** Share of the 503 answers with a right Retry-After. */
  readonly retryAfterRight: number
  readonly retryAfter: readonly number[]
  /** Answers that are neither a verdict nor 503, by status; 0 is a broken connection. */
  readonly others: Readonly<Record<string, number>>
  /** Share of the verdicts that rest on full DifFIQA. */
  readonly escalated: number
  /** Share of the verdicts that were to be looked at twice and were not. */
  readonly skipped: number
  readonly queueWait: Spread
  /** From the end of the upload to the verdict, as the gate has it. */
  readonly gate: Spread
  readonly loopDelay: Spread
  /** Busy share of the main thread. */
  readonly loopShare: number
  /** Processor seconds a second. */
  readonly cpu: number
  readonly generatorCpu: number
  /** How late the load was sent. */
  readonly lag: Spread
  readonly rssMb: number
  readonly idleMs: number
}

export function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { p50: Number.NaN, p99: Number.NaN, max: Number.NaN }
  const sorted = values.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) as number }
}

export interface CellSettings {
  readonly workers: number
  readonly escalation: number
  readonly load: Load
  readonly times?: number
}

export function cellOf({ workers, escalation, load, times }: CellSettings, seen: Seen): Cell {
  const { window, answers } = seen
  const [from, to] = [load.warmSeconds * 1000, load.warmSeconds * 1000 + window.seconds * 1000]
  const inside = answers.filter(({ done }) => done >= from && done < to)
  const good = inside.filter(isVerdict)
  const refused = inside.filter(({ status }) => status === 503)
  const others: Record<string, number> = {}
  for (const answer of answers)
    if (!isVerdict(answer) && answer.status !== 503) others[answer.status] = (others[answer.status] ?? 0) + 1
  const taken = (list: readonly Answer[]): Spread => spread(list.map(({ due, done }) => done - due))
  const waits = window.verdicts.map(([queueMs]) => queueMs)
  const escalated = window.verdicts.filter(([, , , diffiqaMs]) => diffiqaMs > 0).length
  const skipped = window.verdicts.filter(([, , , , , escalation]) => escalation.startsWith('skipped')).length
  const per = (count: number): number => count / window.seconds
  const share = (count: number): number => (window.verdicts.length === 0 ? 0 : count / window.verdicts.length)
  return {
    workers,
    escalation,
    load,
    times,
    offered: per(answers.filter(({ due }) => due >= from && due < to).length),
    goodput: per(good.length),
    verdicts: good.length,
    latency: taken(good),
    shed: per(refused.length),
    shedLatency: taken(refused),
    retryAfterRight: rightShare(
      refused,
      workers,
      window.verdicts.map(([, fastMs]) => fastMs),
    ),
    retryAfter: [...new Set(refused.map(({ retryAfter }) => retryAfter ?? Number.NaN))].toSorted((a, b) => a - b),
    others,
    escalated: share(escalated),
    skipped: share(skipped),
    queueWait: spread(waits),
    gate: spread(window.verdicts.map(([, , , , totalMs]) => totalMs)),
    loopDelay: window.loopDelay,
    loopShare: window.loopActive / window.seconds,
    cpu: window.cpuSeconds / window.seconds,
    generatorCpu: seen.generatorCpu,
    lag: spread(answers.map(({ lag }) => lag)),
    rssMb: spread(window.rss).max / 1e6,
    idleMs: seen.idleMs,
  }
}

/**
 * The gate asks for its predicted wait, spread by a fifth and rounded up. Right is a whole number that asks for no more than a full queue of
 * photos that all take as long as the slowest hundredth.
 */
function rightShare(refused: readonly Answer[], workers: number, fastMs: readonly number[]): number {
  if (refused.length === 0) return 1
  const waiting = QUEUE_A_WORKER * workers + workers
  const most = Math.min(30, Math.max(1, Math.ceil((1.2 * waiting * spread(fastMs).p99) / workers / 1000)))
  const right = refused.filter(({ retryAfter = Number.NaN }) => retryAfter >= 1 && retryAfter <= most)
  return right.length / refused.length
}
