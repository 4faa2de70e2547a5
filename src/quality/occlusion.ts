import { CROP_SIZE } from '../face/align.ts'
import type { Sample } from './evidence.ts'
import type { Measures } from './types.ts'

// Rows and columns of the aligned crop: cheeks, nose, mouth and chin; brows and eyes.
const LOWER = { top: 70, bottom: 108, left: 30, right: 82 }
const UPPER = { top: 36, bottom: 64, left: 20, right: 92 }

/** Change of brightness (−1..1 scale) from which a pixel counts as replaced. */
const REPLACED = 0.25
const PLANE = CROP_SIZE * CROP_SIZE

/** Brightness change of every pixel, mean over the samples. */
function change(x: Float32Array, restored: readonly Float32Array[]): Float32Array {
  const luma = new Float32Array(PLANE)
  for (const crop of restored) {
    for (let i = 0; i < PLANE; i++) {
      let sum = 0
      for (const [channel, weight] of [0.299, 0.587, 0.114].entries())
        sum += weight * ((crop[channel * PLANE + i] as number) - (x[channel * PLANE + i] as number))
      luma[i] = (luma[i] as number) + sum / restored.length
    }
  }
  return luma
}

function replacedShare(luma: Float32Array, { top, bottom, left, right }: typeof LOWER): number {
  let replaced = 0
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) if (Math.abs(luma[y * CROP_SIZE + x] as number) > REPLACED) replaced++
  }
  return replaced / ((bottom - top) * (right - left))
}

/**
 * How much of the lower and of the upper face the backward process painted anew: the network was trained on clean faces, so it removes
 * what does not belong to one. Taken at the largest timestep at which the unflipped face was restored.
 * @returns `lower-face-occlusion` and `upper-face-occlusion`, shares 0..1; nothing when no restored face is there.
 */
export function occlusion(x: Float32Array, samples: readonly Sample[]): Measures {
  const usable = samples.filter(({ mirrored, restored }) => !mirrored && restored)
  if (usable.length === 0) return {}
  const largest = Math.max(...usable.map(({ timestep }) => timestep))
  const luma = change(
    x,
    usable.filter(({ timestep }) => timestep === largest).map(({ restored }) => restored as Float32Array),
  )
  return { 'lower-face-occlusion': replacedShare(luma, LOWER), 'upper-face-occlusion': replacedShare(luma, UPPER) }
}
