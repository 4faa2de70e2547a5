import { spread } from './cells.ts'
import { type Generator, type Seen, Server } from './processes.ts'

export interface Soak {
  readonly photos: number
  readonly seconds: number
  readonly perSecond: number
  /** Resident memory, the middle of the first tenth and of the last. */
  readonly beginMb: number
  readonly endMb: number
  readonly growthMb: number
  /** Middles of the ten tenths. */
  readonly tenthsMb: readonly number[]
  /** The same of the main thread's heap with its buffers, a part of it. */
  readonly heapMb: readonly number[]
}

/** A share of photos that are looked at twice, as in a service. */
const UNCERTAIN = 0.05

/** Photos before, as a share: V8 enlarges the heaps of three threads in steps, the last of them after some two thousand photos. */
const WARM_UP = 0.25

/** So many photos through a gate of two workers with its defaults, once it is warm. */
export async function soakOf(generator: Generator, photos: number): Promise<Soak> {
  await using server = await Server.start({ workers: 2 })
  const run = (verdicts: number): Promise<Seen> =>
    generator.run(server, {
      loop: 'closed',
      clients: 8,
      warmSeconds: 0,
      seconds: 3600,
      uncertain: UNCERTAIN,
      seed: 'soak',
      verdicts,
    })
  await run(Math.ceil(WARM_UP * photos))
  const { window } = await run(photos)
  const { rss, heap, seconds, judged } = window
  const tenthsMb = tenthsOf(rss)
  const [beginMb, endMb] = [tenthsMb[0] as number, tenthsMb[9] as number]
  const perSecond = judged / seconds
  return {
    photos: judged,
    seconds,
    perSecond,
    beginMb,
    endMb,
    growthMb: endMb - beginMb,
    tenthsMb,
    heapMb: tenthsOf(heap),
  }
}

/** Middles of the ten tenths of a series of bytes, in megabytes. */
function tenthsOf(bytes: readonly number[]): number[] {
  const tenth = bytes.length / 10
  const part = (i: number): readonly number[] => bytes.slice(Math.floor(i * tenth), Math.ceil((i + 1) * tenth))
  return Array.from({ length: 10 }, (_, i) => spread(part(i)).p50 / 1e6)
}
