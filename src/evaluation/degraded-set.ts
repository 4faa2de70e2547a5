import type { Face, RgbImage } from '../face/types.ts'
import { overlap } from '../face/yunet-decode.ts'
import { DEGRADATIONS, type Degradation, type Level } from './degrade.ts'
import { seededRandom } from './seeded-random.ts'

/** `natural`: photos as they are; `mixed`: 35 % of them degraded; `hard`: all of them, level 0 to 5. */
export const PHOTO_SETS = ['natural', 'mixed', 'hard'] as const

export type PhotoSet = (typeof PHOTO_SETS)[number]

/** One degradation of one strength. */
export interface Damage {
  readonly kind: Degradation
  readonly level: Level
}

const MIXED_SHARE = 0.35
const MIN_OVERLAP = 0.3

/**
 * What a photo of a set suffers: kind, level and whether at all depend on nothing but set, name and seed.
 * @param set - `degraded` is a set for training: every photo, level 1 to 5
 * @param file - the photo's name, the same on every machine
 */
export function chooseDamage(set: PhotoSet | 'degraded', file: string, seed: string): Damage | undefined {
  if (set === 'natural') return undefined
  const random = seededRandom(`${seed}|${set}|${file}`)
  const kind = random.pick(DEGRADATIONS)
  const level = (1 + Math.floor(random.uniform() * 5)) as Level
  if (set === 'degraded') return { kind, level }
  if (set === 'mixed') return random.uniform() < MIXED_SHARE ? { kind, level } : undefined
  const full = Math.floor(random.uniform() * 6)
  return full === 0 ? undefined : { kind, level: full as Level }
}

/**
 * The same person's face after the photo was degraded: the one that lies where the face was, or none. A face found elsewhere is somebody
 * else, or no face at all.
 * @param before - the face in `original`
 * @param after - faces found in `degraded`, which may be smaller than the original
 */
export function sameFace<F extends Face>(
  before: Face,
  original: Pick<RgbImage, 'width'>,
  after: readonly F[],
  degraded: Pick<RgbImage, 'width'>,
): F | undefined {
  const scale = degraded.width / original.width
  const { x, y, width, height } = before.box
  const place = { x: x * scale, y: y * scale, width: width * scale, height: height * scale }
  const overlaps = after.map((face) => overlap(face.box, place))
  const most = Math.max(...overlaps)
  return most > MIN_OVERLAP ? after[overlaps.indexOf(most)] : undefined
}
