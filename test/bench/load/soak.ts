import { spread } from './cells.ts'
import { type Generator, Server } from './processes.ts'

export interface Soak {
  readonly photos: number
  readonly seconds: number
  readonly perSecond: number
  /** Resident memory, the middle of the tenth after the first, and of the last. */
  readonly beginMb: number
  readonly endMb: number
  readonly growthMb: number
  /** Middles of the ten tenths. */
  readonly tenthsMb: readonly number[]
}

/** A share of photos that are looked at twice, as in a service. */
const UNCERTAIN = 0.05

/** So many photos through a gate of two workers with its defaults. The first tenth is its warm-up. */
export async function soakOf(generator: Generator, photos: number): Promise<Soak> {
  await using server = await Server.start({ workers: 2 })
  const { window } = await generator.run(server, {
    loop: 'closed',
    clients: 8,
    warmSeconds: 0,
    seconds: 3600,
    uncertain: UNCERTAIN,
    seed: 'soak',
    verdicts: photos,
  })
  const { rss, seconds, verdicts } = window
  const tenth = rss.length / 10
  const tenthsMb = Array.from(
    { length: 10 },
    (_, i) => spread(rss.slice(Math.floor(i * tenth), Math.ceil((i + 1) * tenth))).p50 / 1e6,
  )
  const [beginMb, endMb] = [tenthsMb[1] as number, tenthsMb[9] as number]
  const perSecond = verdicts.length / seconds
  return { photos: verdicts.length, seconds, perSecond, beginMb, endMb, growthMb: endMb - beginMb, tenthsMb }
}
