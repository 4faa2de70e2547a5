import type { Face, RgbImage } from '../face/types.ts'
import { mapPoint, TEMPLATE, umeyama } from '../face/umeyama.ts'
import type { SeededRandom } from './seeded-random.ts'

// In pixels of the aligned 112×112 crop.
const LOWER = { covered: 112, free: 62 }
const UPPER = { covered: 14, free: 66 }
const SHARE = [0.3, 0.5, 0.7, 0.85, 1]
const COLOURS = [
  [235, 238, 240],
  [25, 25, 28],
  [120, 170, 205],
  [150, 120, 95],
  [128, 128, 128],
  [170, 40, 50],
] as const

/**
 * Cover a part of the face with a plain or striped patch: a mask, a scarf, a hand; sunglasses, a fringe, a cap.
 * @param part `lower` grows from the chin upwards to the nose, `upper` from the eyes up and down to the cheeks.
 */
export function occlude(
  image: RgbImage,
  face: Face,
  part: 'lower' | 'upper',
  level: 1 | 2 | 3 | 4 | 5,
  random: SeededRandom,
): RgbImage {
  const { transform } = umeyama(face.landmarks, TEMPLATE)
  const share = SHARE[level - 1] as number
  const colour = random.pick(COLOURS)
  const second = random.uniform() < 0.4 ? random.pick(COLOURS) : colour
  const stripe = random.between(4, 12)
  const tilt = random.between(-0.12, 0.12)
  const span = part === 'lower' ? LOWER : UPPER
  const eyeLine = TEMPLATE[0].y
  const [top, bottom] =
    part === 'lower'
      ? [span.covered - share * (span.covered - span.free), span.covered]
      : [eyeLine - share * (eyeLine - span.covered), eyeLine + share * (span.free - eyeLine)]
  const [left, right] = [10 + 6 * random.uniform(), 102 - 6 * random.uniform()]
  const data = Uint8Array.from(image.data)
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      const crop = mapPoint(transform, { x, y })
      const v = crop.y + tilt * (crop.x - 56)
      if (crop.x < left || crop.x > right || v < top || v > bottom) continue
      const [r, g, b] = Math.floor(v / stripe) % 2 === 0 ? colour : second
      const i = (y * image.width + x) * 3
      data[i] = r
      data[i + 1] = g
      data[i + 2] = b
    }
  }
  return { ...image, data }
}
