import { DEGRADATIONS, type Degradation, degrade, type Level } from '../../src/evaluation/degrade.ts'
import { seededRandom } from '../../src/evaluation/seeded-random.ts'
import { decode } from '../../src/face/decode.ts'
import type { Detector } from '../../src/face/detector.ts'
import type { Face, RgbImage } from '../../src/face/types.ts'
import { overlap } from '../../src/face/yunet-decode.ts'

const SEED = 'diffiqa-crops-1'
const MIXED_SHARE = 0.35
const MIN_OVERLAP = 0.3

/** A degradation, or undefined for a photo that stays as it is. */
export type Choice = { readonly kind: Degradation; readonly level: Level } | undefined

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
  const random = seededRandom(`${SEED}|${variant}|${file}`)
  const kind = random.pick(DEGRADATIONS)
  const level = (1 + Math.floor(random.uniform() * 5)) as Level
  if (variant === 'clean') return undefined
  if (variant === 'degraded') return { kind, level }
  if (variant === 'mixed') return random.uniform() < MIXED_SHARE ? { kind, level } : undefined
  const full = Math.floor(random.uniform() * 6)
  return full === 0 ? undefined : { kind, level: full as Level }
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
  // Compression may shrink the photo: compare boxes in shares of its size.
  const scale = worse.width / image.width
  const expected = {
    x: clean.box.x * scale,
    y: clean.box.y * scale,
    width: clean.box.width * scale,
    height: clean.box.height * scale,
  }
  const [face] = (await detector.detect(worse))
    .filter((found) => overlap(found.box, expected) > MIN_OVERLAP)
    .sort((a, b) => overlap(b.box, expected) - overlap(a.box, expected))
  return { image: worse, face, choice }
}

/** The person the photo is of: the large face near the middle. */
function subject(faces: readonly Face[], image: RgbImage): Face | undefined {
  const merit = (face: Face): number => {
    const dx = (face.box.x + face.box.width / 2) / image.width - 0.5
    const dy = (face.box.y + face.box.height / 2) / image.height - 0.5
    return (Math.sqrt(face.box.width * face.box.height) / image.width) * (1 - Math.hypot(dx, dy))
  }
  return [...faces].sort((a, b) => merit(b) - merit(a))[0]
}
