import type { Plan, Rated } from '../capacity/plan.ts'
import type { CapacityProfile } from '../capacity/profile.ts'
import { meanOf } from '../capacity/quantiles.ts'
import { columns } from './help.ts'
import { printable } from './printable.ts'

const count = (number: number): string => String(number).replace(/\B(?=(\d{3})+$)/g, ',')
const several = (number: number, one: string): string => `${count(number)} ${number === 1 ? one : `${one}s`}`
const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`
const gigabytes = (megabytes: number): string => `${(megabytes / 1000).toFixed(1)} GB`
const bits = (mbit: number): string =>
  mbit < 1000 ? `${mbit.toFixed(1)} Mbit/s` : `${(mbit / 1000).toFixed(1)} Gbit/s`

/** Share of the cores' time; below it, time is what is short and not cores. */
const IDLE = 0.1

/** The plan in words. */
export function planText(plan: Plan, profile: CapacityProfile): string {
  const { goal, instances, cores, memoryMb, networkMbit, usual, worst } = plan
  const { certainMs, fullMs, measured, photoBytes } = profile
  const spare = goal.spare === 0 ? '' : `, ${goal.spare} of them spare`
  const rows: [string, string][] = [
    ['instances', `${count(instances)} with ${several(goal.cores, 'core')} and as many workers each${spare}`],
    ['cores', count(cores)],
    ['memory', `${gigabytes(memoryMb)}, ${gigabytes(memoryMb / instances)} each`],
    ['network', `${bits(networkMbit)} of photos, ${Math.round(photoBytes / 1000)} kB each`],
    ['an instance', rated(usual)],
  ]
  if (goal.spare > 0) rows.push([`with ${goal.spare} gone`, rated(worst)])
  if (plan.withoutSecondLooks) rows.push(['second looks', costOf(plan)])
  const idle =
    usual.busy > IDLE
      ? ''
      : '\nThese cores are idle nearly all the time: the goal leaves little above what one photo takes. Allow some more of it.\n'
  return `${count(goal.rps)} probes a second, 99 of 100 within ${goal.p99Ms} ms, ${percent(goal.escalation)} looked at twice:

${columns(rows)}${idle}
Simulated from: fast score ${meanOf(certainMs).toFixed(0)} ms, full DifFIQA ${meanOf(fullMs).toFixed(0)} ms on average (${printable(measured.command)},
${printable(measured.date)}, ${printable(measured.machine)},
model version ${printable(measured.modelVersion)}, ${printable(measured.photo)}).
`
}

const rated = ({ rate, busy, p50Ms, p99Ms }: Rated): string =>
  `${rate.toFixed(1)} probes a second, cores ${percent(busy)} busy, p50 ${Math.round(p50Ms)} ms, p99 ${Math.round(p99Ms)} ms`

function costOf({ instances, cores, withoutSecondLooks: without }: Plan): string {
  if (!without) return ''
  const more = instances - without.instances
  return `${several(more, 'instance')} and ${several(cores - without.cores, 'core')} more than without (${count(without.instances)}): ${percent(more / without.instances)}`
}
