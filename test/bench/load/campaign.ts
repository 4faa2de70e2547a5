import type { CapacityProfile } from '../../../src/capacity/profile.ts'
import type { Load } from './answers.ts'
import { type Cell, type CellSettings, cellOf } from './cells.ts'
import { Generator, type Seen, Server, type VerdictTimes } from './processes.ts'
import { profileOf, type Saturated } from './profile-of.ts'
import { type Soak, soakOf } from './soak.ts'

export const WORKERS = [1, 2] as const
export const ESCALATIONS = [0, 0.15, 1] as const
export const TIMES = [0.5, 1, 2, 3] as const

export interface Campaign {
  readonly date: string
  readonly machine: string
  readonly modelVersion: string
  readonly minutes: number
  /** Clients that wait for nothing but their answers, two for each worker: what the instance can do with all second looks that are wanted. */
  readonly capacity: readonly Cell[]
  readonly cells: readonly Cell[]
  readonly soak: Soak
  readonly profile: CapacityProfile
}

export interface CampaignOptions {
  readonly machine: string
  readonly modelVersion: string
  readonly cores: number
  readonly command: string
  /** Durations are multiplied by it. */
  readonly scale: number
  readonly soakPhotos: number
  readonly photoBytes: number
  readonly log: (line: string) => void
}

const WARM_SECONDS = 2
/** Of a service that has just started: two workers took 43 ms of processor time a photo in their first ten seconds, 38 ms later. */
const FIRST_WARM_SECONDS = 12
/** Of the windows that count. */
const CAPACITY_SECONDS = 8
const OPEN_SECONDS = 12
const CLOSED_SECONDS = 6
/** Clients of the closed loop begin within a second. */
const LEAST_SECONDS = 2

/** All of it, one load after another on a service of two processes: the gate's and the load's. */
export async function runCampaign(options: CampaignOptions): Promise<Campaign> {
  const { scale, log, machine, modelVersion, command, cores, photoBytes } = options
  const [date, begun] = [new Date().toISOString(), performance.now()]
  const capacity: Saturated[] = []
  const cells: Cell[] = []
  const lookedTwice: VerdictTimes[] = []
  await using generator = await Generator.start()
  for (const workers of WORKERS) {
    for (const escalation of ESCALATIONS) {
      await using server = await Server.start({ workers, escalationBudget: escalation === 0 ? 0 : 1 })
      const one = async (load: Load, times?: number): Promise<{ cell: Cell; seen: Seen }> => {
        const seen = await generator.run(server, load)
        const settings: CellSettings = { workers, escalation, load, ...(times !== undefined && { times }) }
        const cell = cellOf(settings, seen)
        log(inWords(cell))
        if (workers === 1 && escalation === 1 && (times ?? 1) <= 1)
          lookedTwice.push(...seen.window.verdicts.filter(([, , , diffiqaMs]) => diffiqaMs > 0))
        return { cell, seen }
      }
      const load = (seconds: number): Omit<Load, 'loop'> => ({
        warmSeconds: WARM_SECONDS * Math.min(1, scale),
        seconds: Math.max(LEAST_SECONDS, seconds * scale),
        uncertain: escalation,
        seed: `load ${workers} ${escalation}`,
      })
      const most = await one({
        ...load(CAPACITY_SECONDS),
        warmSeconds: FIRST_WARM_SECONDS * Math.min(1, scale),
        loop: 'closed',
        clients: 2 * workers,
      })
      capacity.push(most)
      for (const times of TIMES) {
        const perSecond = times * most.cell.goodput
        cells.push((await one({ ...load(OPEN_SECONDS), loop: 'open', perSecond }, times)).cell)
        cells.push((await one({ ...load(CLOSED_SECONDS), loop: 'closed', perSecond }, times)).cell)
      }
    }
  }
  const soak = await soakOf(generator, options.soakPhotos)
  log(`soak: ${soak.photos} photos, ${soak.perSecond.toFixed(1)}/s, memory ${soak.growthMb.toFixed(1)} MB`)
  const saturated = (workers: number, escalation: number): Saturated =>
    capacity.find(({ cell }) => cell.workers === workers && cell.escalation === escalation) as Saturated
  const photo = '1280×720 JPEG with one face'
  const measured = { date: date.slice(0, 10), machine, command, modelVersion, photo }
  return {
    date,
    machine,
    modelVersion,
    minutes: (performance.now() - begun) / 60_000,
    capacity: capacity.map(({ cell }) => cell),
    cells,
    soak,
    profile: profileOf({
      measured,
      cores,
      photoBytes,
      saturated,
      lookedTwice,
      cells: [...capacity.map(({ cell }) => cell), ...cells],
    }),
  }
}

function inWords({ workers, escalation, load, times, offered, goodput, latency, shed, others }: Cell): string {
  const what = times === undefined ? 'capacity' : `${load.loop} ${times} times`
  const odd = Object.keys(others).length === 0 ? '' : `, others ${JSON.stringify(others)}`
  return `${workers} workers, escalation ${escalation}, ${what}: offered ${offered.toFixed(1)}/s, verdicts ${goodput.toFixed(1)}/s, p50 ${latency.p50.toFixed(0)} ms, p99 ${latency.p99.toFixed(0)} ms, shed ${shed.toFixed(1)}/s${odd}`
}
