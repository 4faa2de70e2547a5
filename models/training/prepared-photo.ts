import { degrade } from '../../src/evaluation/degrade.ts'
import { chooseDamage, type Damage, type PhotoSet, sameFace } from '../../src/evaluation/degraded-set.ts'
import { subject } from '../../src/evaluation/subject.ts'
import { decode } from '../../src/face/decode.ts'
import type { Detector } from '../../src/face/detector.ts'
import type { Face, RgbImage } from '../../src/face/types.ts'

const SEED = 'diffiqa-crops-1'

/** A degradation, or undefined for a photo that stays as it is. */
export type Choice = Damage | undefined

/** A photo of a set, degraded as its variant asks, and its person's face. */
export interface PreparedPhoto {
  readonly image: RgbImage
  /** Undefined where none was found, or the degradation hid it. */
  readonly face: Face | undefined
  readonly choice: Choice
}

/**
 * What happens to a photo in a variant of its set; the same in every run.
 * @param file Path under the data folder, `lfw-val/Person/photo.jpg`.
 */
export function choose(variant: string, file: string): Choice {
  return chooseDamage(variant === 'clean' ? 'natural' : (variant as PhotoSet | 'degraded'), file, SEED)
}

/** Decode, find the person the photo is of, degrade the whole photo, find the same face again. */
export async function preparePhoto(
  bytes: Uint8Array,
  file: string,
  variant: string,
  detector: Detector,
): Promise<PreparedPhoto> {
  const { image } = await decode(bytes)
  const clean = subject(await detector.detect(image), image)
  const choice = choose(variant, file)
  if (!clean || !choice) return { image, face: clean, choice }
  const worse = await degrade(image, clean, choice.kind, choice.level, `${SEED}|${file}`)
  return { image: worse, face: sameFace(clean, image, await detector.detect(worse), worse), choice }
}
