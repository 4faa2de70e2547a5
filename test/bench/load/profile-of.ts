import type { CapacityProfile } from '../../../src/capacity/profile.ts'
import { quantilesOf } from '../../../src/capacity/quantiles.ts'
import type { Cell } from './cells.ts'
import type { Seen, VerdictTimes } from './processes.ts'

/** A load that keeps every worker busy, as numbers and as it was seen. */
export interface Saturated {
  readonly cell: Cell
  readonly seen: Seen
}

export interface ProfileInput {
  readonly measured: CapacityProfile['measured']
  readonly cores: number
  readonly photoBytes: number
  /** Capacity, by workers and escalation. */
  readonly saturated: (workers: number, escalation: number) => Saturated
  /** Every cell. */
  readonly cells: readonly Cell[]
  /** Photos that one worker looked at twice while it was not overloaded. */
  readonly lookedTwice: readonly VerdictTimes[]
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const rounded = (value: number): number => Number(value.toPrecision(4))

/** The numbers that the simulation is made of, from the cells at capacity; only the price of a refusal and of HTTP come from others. */
export function profileOf({
  measured,
  cores,
  photoBytes,
  saturated,
  cells,
  lookedTwice,
}: ProfileInput): CapacityProfile {
  const one = saturated(1, 0)
  const fast = one.seen.window.verdicts.map(([, fastMs]) => fastMs)
  // Between two photos the worker waits for the main thread: part of what a photo takes.
  const handMs = Math.max(0, 1000 / one.cell.goodput - mean(fast))
  const open = (times: number): Cell =>
    cells.find(
      (cell) => cell.workers === 1 && cell.escalation === 0 && cell.times === times && cell.load.loop === 'open',
    ) as Cell
  const quiet = open(0.5)
  const photoMs = (one.cell.loopShare * 1000) / one.cell.goodput
  const [process, worker] = memory(cells)
  return {
    format: 'express-diffiqa-capacity',
    version: 1,
    measured,
    certainMs: quantilesOf(fast.map((ms) => ms + handMs)),
    uncertainMs: quantilesOf(lookedTwice.map(([, fastMs]) => fastMs + handMs)),
    fullMs: quantilesOf(lookedTwice.map(([, , , diffiqaMs]) => diffiqaMs + handMs)),
    crowding: rounded(crowding(one, saturated(2, 0), cores)),
    mainMs: { photo: rounded(photoMs), shed: rounded(shedMs(open(3), photoMs)) },
    httpMs: rounded(Math.max(0, quiet.latency.p50 - quiet.gate.p50)),
    photoBytes,
    memoryMb: { process, worker },
  }
}

/** Two workers beside one, less what the main thread and the load took of their cores. */
function crowding(one: Saturated, two: Saturated, cores: number): number {
  const fastOf = ({ seen }: Saturated): number => mean(seen.window.verdicts.map(([, fastMs]) => fastMs))
  const left = Math.min(2, cores - two.cell.loopShare - two.cell.generatorCpu)
  return Math.max(1, ((fastOf(two) / fastOf(one)) * left) / 2)
}

function shedMs({ loopShare, goodput, shed }: Cell, photoMs: number): number {
  return shed > 0 ? Math.max(0.01, (loopShare * 1000 - goodput * photoMs) / shed) : 0.5
}

/** Of a process without workers, and of each worker. */
function memory(cells: readonly Cell[]): [number, number] {
  const most = (workers: number): number =>
    Math.max(...cells.filter((cell) => cell.workers === workers).map(({ rssMb }) => rssMb))
  const worker = Math.max(1, most(2) - most(1))
  return [Math.round(Math.max(1, most(1) - worker)), Math.round(worker)]
}
