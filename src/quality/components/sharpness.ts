import { CROP_SIZE } from '../../face/align.ts'

/** Half width of the re-blurring box: nine pixels, as published. */
const REACH = 4

/** Brightness as video has it (gamma-coded): blur is judged as the eye sees it. */
function luma(pixels: Uint8Array): Float32Array {
  const grey = new Float32Array(CROP_SIZE * CROP_SIZE)
  for (let i = 0, k = 0; i < grey.length; i++, k += 3)
    grey[i] = 0.299 * (pixels[k] as number) + 0.587 * (pixels[k + 1] as number) + 0.114 * (pixels[k + 2] as number)
  return grey
}

/** Mean over a line of nine pixels along one axis; shorter at the crop's edge. */
function smooth(grey: Float32Array, index: number, position: number, stride: number): number {
  const from = Math.max(0, position - REACH)
  const to = Math.min(CROP_SIZE - 1, position + REACH)
  let total = 0
  for (let p = from; p <= to; p++) total += grey[index + (p - position) * stride] as number
  return total / (to - from + 1)
}

/** Share of the differences between neighbours that is lost when the crop is blurred again, along one axis. */
function lost(grey: Float32Array, skin: readonly number[], stride: number): number {
  let before = 0
  let gone = 0
  for (const index of skin) {
    const position = stride === 1 ? index % CROP_SIZE : Math.floor(index / CROP_SIZE)
    if (position === 0) continue
    const difference = Math.abs((grey[index] as number) - (grey[index - stride] as number))
    const blurred = Math.abs(smooth(grey, index, position, stride) - smooth(grey, index - stride, position - 1, stride))
    before += difference
    gone += Math.max(0, difference - blurred)
  }
  return before > 0 ? gone / before : 0
}

/**
 * Sharpness by re-blurring: a sharp picture loses much when it is blurred, a blurred one has little left to lose (Crété-Roffet et al.,
 * "The blur effect", SPIE 6492, 2007; their blur metric is one minus this). Contrast and brightness cancel out. Sensor noise looks
 * sharp to it.
 * @param pixels The crop.
 * @param skin Pixels to look at.
 * @returns 0 (nothing but blur, or a flat colour) to 1.
 */
export function sharpness(pixels: Uint8Array, skin: readonly number[]): number {
  const grey = luma(pixels)
  return Math.min(lost(grey, skin, 1), lost(grey, skin, CROP_SIZE))
}
