import { DiffiqaError } from '../errors.ts'
import { quantile } from '../evaluation/quantile.ts'
import { seededRandom } from '../evaluation/seeded-random.ts'
import type { CapacityProfile } from './profile.ts'
import { meanOf } from './quantiles.ts'
import { type Instance, type Outcome, type Probe, simulate } from './simulate.ts'

export interface Goal {
  /** Probes a second, all instances together. */
  readonly rps: number
  /** 99 of 100 probes have their verdict by then, milliseconds. */
  readonly p99Ms: number
  /** Share of the probes that need a second look, 0..1. */
  readonly escalation: number
  /** Cores of an instance; it gets as many workers. */
  readonly cores: number
  /** Instances that may be gone while the goal is still met. */
  readonly spare: number
}

/** What one instance does at a rate. */
export interface Rated {
  /** Probes a second. */
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Share of the probes that got no verdict. */
  readonly refused: number
  /** Share of the wanted second looks that were left out. */
  readonly skipped: number
  /** Share of the cores' time. */
  readonly busy: number
}

export interface Plan {
  readonly goal: Goal
  /** With the spare ones. */
  readonly instances: number
  readonly cores: number
  readonly memoryMb: number
  /** Photos coming in, megabits a second. */
  readonly networkMbit: number
  /** One instance when none is gone, and when all spare ones are. */
  readonly usual: Rated
  readonly worst: Rated
  /** The same goal without second looks: what these cost. Absent without escalation. */
  readonly withoutSecondLooks?: Pick<Plan, 'instances' | 'cores' | 'memoryMb'>
}

/** Probes of one simulated run: eighty beyond the p99. */
const PROBES = 8000
/** Halvings on the way to what one instance can do: to half a percent of its cores. */
const STEPS = 8
/** Share of its cores' time that an instance with hardly anything to do uses. */
const IDLE = 0.02
/** One in a thousand probes may be turned away, and one in a hundred second looks left out. */
const MAX_REFUSED = 0.001
const MAX_SKIPPED = 0.01
/** Until the queue has its length. */
const WARM_UP = 0.05

/**
 * The least number of equal instances that meets a goal, when a load balancer hands each probe to any of them by chance.
 * @throws DiffiqaError `plan-impossible` when no number does
 */
export function planFor(goal: Goal, profile: CapacityProfile): Plan {
  const most = greatestRate(goal, profile)
  const needed = Math.max(1, Math.ceil(goal.rps / most - 1e-9))
  const instances = needed + goal.spare
  const sized = sizeOf(instances, goal, profile)
  const rated = (count: number): Rated => rate(goal.rps / count, goal, profile)
  const usual = rated(instances)
  return {
    goal,
    ...sized,
    networkMbit: (goal.rps * profile.photoBytes * 8) / 1e6,
    usual,
    worst: goal.spare === 0 ? usual : rated(needed),
    ...(goal.escalation > 0 && { withoutSecondLooks: withoutSecondLooks(goal, profile) }),
  }
}

function withoutSecondLooks(goal: Goal, profile: CapacityProfile): Pick<Plan, 'instances' | 'cores' | 'memoryMb'> {
  const { instances, cores, memoryMb } = planFor({ ...goal, escalation: 0 }, profile)
  return { instances, cores, memoryMb }
}

const sizeOf = (instances: number, { cores }: Goal, { memoryMb }: CapacityProfile) => ({
  instances,
  cores: instances * cores,
  memoryMb: instances * (memoryMb.process + cores * memoryMb.worker),
})

/** Of one instance, found by halving. */
function greatestRate(goal: Goal, profile: CapacityProfile): number {
  const full = 1 / busyShare(1, goal, profile)
  let [low, high] = [IDLE * full, full]
  const idle = rate(low, goal, profile)
  if (!meets(idle, goal)) throw impossible(idle, goal)
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2
    if (meets(rate(middle, goal, profile), goal)) low = middle
    else high = middle
  }
  return low
}

const meets = ({ p99Ms, refused, skipped }: Rated, goal: Goal): boolean =>
  p99Ms <= goal.p99Ms && refused <= MAX_REFUSED && skipped <= MAX_SKIPPED

function impossible({ p99Ms, skipped }: Rated, goal: Goal): DiffiqaError {
  const reason =
    p99Ms > goal.p99Ms
      ? `an instance of ${goal.cores} ${goal.cores === 1 ? 'core' : 'cores'} with hardly anything to do has a p99 of ${Math.ceil(p99Ms)} ms`
      : `even then ${(100 * skipped).toFixed(1)} % of the second looks would be left out`
  return new DiffiqaError('plan-impossible', `More instances do not help: ${reason}`, { details: { p99Ms, skipped } })
}

/** One instance at a rate; the same goal and profile always give the same answer. */
function rate(perSecond: number, goal: Goal, profile: CapacityProfile): Rated {
  const { escalation, cores } = goal
  const instance: Instance = { cores, workers: cores }
  const probes = stream(perSecond, escalation)
  const outcomes = simulate(probes, instance, profile, seededRandom('service').uniform)
  const counted = outcomes.filter(({ at }) => at >= WARM_UP * (probes.at(-1)?.at ?? 0))
  return { rate: perSecond, ...summary(counted), busy: busyShare(perSecond, goal, profile) }
}

function summary(outcomes: readonly Outcome[]): Pick<Rated, 'p50Ms' | 'p99Ms' | 'refused' | 'skipped'> {
  const verdicts = outcomes.filter(({ answer }) => answer === 'verdict')
  const latencies = verdicts.map(({ at, done }) => done - at).sort((a, b) => a - b)
  const of = (share: number): number => (latencies.length === 0 ? Number.POSITIVE_INFINITY : quantile(latencies, share))
  const wanted = outcomes.filter(({ second }) => second !== undefined)
  const skipped = wanted.filter(({ second }) => second === 'skipped').length
  return {
    p50Ms: of(0.5),
    p99Ms: of(0.99),
    refused: 1 - verdicts.length / outcomes.length,
    skipped: wanted.length === 0 ? 0 : skipped / wanted.length,
  }
}

/** The same people in the same order at every rate, only faster: two rates differ by nothing else. */
function stream(perSecond: number, escalation: number): Probe[] {
  const random = seededRandom('probes')
  let at = 0
  return Array.from({ length: PROBES }, () => {
    at += (-Math.log(1 - random.uniform()) * 1000) / perSecond
    return { at, uncertain: random.uniform() < escalation }
  })
}

function busyShare(perSecond: number, { escalation, cores }: Goal, profile: CapacityProfile): number {
  const { certainMs, uncertainMs, fullMs, mainMs } = profile
  const second = escalation * (meanOf(uncertainMs) + meanOf(fullMs))
  return (perSecond * ((1 - escalation) * meanOf(certainMs) + second + mainMs.photo)) / 1000 / cores
}
