import { planFor } from '../../../src/capacity/plan.ts'
import type { CapacityProfile } from '../../../src/capacity/profile.ts'
import { markdownTable } from '../../../src/cli/markdown-table.ts'
import { isDiffiqaError } from '../../../src/errors.ts'
import type { Campaign } from './campaign.ts'
import { goalsOf, tablesOf } from './report.ts'
import { validationOf } from './validation.ts'

const RATES = [10, 100, 1000, 10_000, 100_000]
const P99_MS = 500

/** What docs/results.md says of a campaign. */
export function resultsOf(campaign: Campaign): string {
  const { date, machine, modelVersion, minutes, soak } = campaign
  const inTenths = (list: readonly number[]): string => list.map((mb) => mb.toFixed(1)).join(', ')
  return `${date.slice(0, 10)}, ${machine}, model version ${modelVersion}, ${minutes.toFixed(0)} minutes.

${goalsOf(campaign)}
${tablesOf(campaign)}
Soak: ${soak.photos} photos in ${soak.seconds.toFixed(0)} s, ${soak.perSecond.toFixed(1)}/s; resident memory by tenths of the time, MB: ${inTenths(soak.tenthsMb)};
of it the main thread's heap and buffers: ${inTenths(soak.heapMb)}.

### The simulation against it

${validationOf(campaign).text}`
}

/** The table of docs/scale.md. */
export function planTable(profile: CapacityProfile): string {
  const header = [
    'probes a second',
    'instances of 2 cores',
    'cores',
    'memory',
    'photos coming in',
    'cost of second looks',
  ]
  const count = (number: number): string => number.toLocaleString('en-GB')
  const rows = RATES.map((rps) => {
    const goal = { rps, p99Ms: P99_MS, escalation: 0.1, cores: 2, spare: Math.max(1, Math.ceil(rps / 2000)) }
    try {
      const plan = planFor(goal, profile)
      const more = plan.instances - (plan.withoutSecondLooks?.instances ?? plan.instances)
      return [
        count(rps),
        `${count(plan.instances)} (${goal.spare} spare)`,
        count(plan.cores),
        `${count(Math.ceil(plan.memoryMb / 1000))} GB`,
        plan.networkMbit < 1000
          ? `${Math.ceil(plan.networkMbit)} Mbit/s`
          : `${(plan.networkMbit / 1000).toFixed(1)} Gbit/s`,
        `${count(more)} instances`,
      ]
    } catch (error) {
      if (!isDiffiqaError(error)) throw error
      return [count(rps), error.message, '', '', '', '']
    }
  })
  const { date, machine, modelVersion } = profile.measured
  const each = '`express-diffiqa plan --rps N --p99 500ms --escalation 0.1 --spare S`'
  return `${markdownTable(header, rows)}
Each line is ${each}, from figures of ${date} on ${machine}, model version ${modelVersion}.
`
}
