import { CROP_SIZE } from '../face/align.ts'
import type { Sample } from './evidence.ts'
import type { Measures } from './types.ts'

interface Rectangle {
  readonly top: number
  readonly bottom: number
  readonly left: number
  readonly right: number
}

// Rows and columns of the aligned crop: cheeks, nose, mouth and chin; brows and eyes; the whole head.
const LOWER: Rectangle = { top: 70, bottom: 108, left: 30, right: 82 }
const UPPER: Rectangle = { top: 36, bottom: 64, left: 20, right: 92 }
const HEAD: Rectangle = { top: 20, bottom: 110, left: 18, right: 94 }

/** Change of brightness (−1..1 scale) from which a pixel counts as painted anew. */
const REPAINTED = 0.1
/** Share of the head whose change is taken for a change of light; the rest may be hidden by something. */
const UNHIDDEN = 0.6
const PASSES = 4
const PLANE = CROP_SIZE * CROP_SIZE

function indices({ top, bottom, left, right }: Rectangle): number[] {
  const found: number[] = []
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) found.push(y * CROP_SIZE + x)
  return found
}

const [LOWER_PIXELS, UPPER_PIXELS, HEAD_PIXELS] = [indices(LOWER), indices(UPPER), indices(HEAD)]

function luma(crop: Float32Array): Float32Array {
  const grey = new Float32Array(PLANE)
  for (let i = 0; i < PLANE; i++)
    grey[i] =
      0.299 * (crop[i] as number) + 0.587 * (crop[PLANE + i] as number) + 0.114 * (crop[2 * PLANE + i] as number)
  return grey
}

function meanLuma(crops: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(PLANE)
  for (const crop of crops)
    for (const [i, value] of luma(crop).entries()) mean[i] = (mean[i] as number) + value / crops.length
  return mean
}

/** Straight line through pairs of brightnesses; of slope 1 where one of them does not vary. */
function straightLine(
  from: Float32Array,
  to: Float32Array,
  pixels: readonly number[],
): { slope: number; offset: number } {
  let [sx, sy, sxx, sxy] = [0, 0, 0, 0]
  for (const i of pixels) {
    const [x, y] = [from[i] as number, to[i] as number]
    sx += x
    sy += y
    sxx += x * x
    sxy += x * y
  }
  const n = pixels.length
  const variance = sxx / n - (sx / n) ** 2
  const slope = variance > 1e-6 ? (sxy / n - (sx / n) * (sy / n)) / variance : 1
  return { slope, offset: (sy - slope * sx) / n }
}

/** What is left of the change when a change of light over the whole head is taken off: size per pixel. */
function repainting(before: Float32Array, after: Float32Array): Float32Array {
  const residual = new Float32Array(PLANE)
  let pixels: readonly number[] = HEAD_PIXELS
  for (let pass = 0; pass < PASSES; pass++) {
    const { slope, offset } = straightLine(before, after, pixels)
    for (let i = 0; i < PLANE; i++)
      residual[i] = Math.abs((after[i] as number) - slope * (before[i] as number) - offset)
    const sizes = HEAD_PIXELS.map((i) => residual[i] as number).sort((a, b) => a - b)
    const limit = sizes[Math.floor(sizes.length * UNHIDDEN)] as number
    pixels = HEAD_PIXELS.filter((i) => (residual[i] as number) <= limit)
  }
  return residual
}

const share = (residual: Float32Array, pixels: readonly number[]): number =>
  pixels.filter((i) => (residual[i] as number) > REPAINTED).length / pixels.length

/**
 * How much of the lower and of the upper face the backward process painted anew: the network was trained on clean faces and takes away
 * what does not belong to one. A change of light over the whole head does not count. Taken at the largest timestep from which the
 * unflipped face was restored. A small network leaves many occluders as they are: a high number says something, a low one little.
 * @returns `lower-face-occlusion` and `upper-face-occlusion`, shares 0..1; nothing when no restored face is there.
 */
export function occlusion(x: Float32Array, samples: readonly Sample[]): Measures {
  const usable = samples.filter(({ mirrored, restored }) => !mirrored && restored)
  if (usable.length === 0) return {}
  const largest = Math.max(...usable.map(({ timestep }) => timestep))
  const crops = usable.flatMap(({ timestep, restored }) => (timestep === largest && restored ? [restored] : []))
  const residual = repainting(luma(x), meanLuma(crops))
  return {
    'lower-face-occlusion': share(residual, LOWER_PIXELS),
    'upper-face-occlusion': share(residual, UPPER_PIXELS),
  }
}
