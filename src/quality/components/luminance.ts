import type { Measures } from '../types.ts'

/** sRGB byte to linear light, 0..1 (IEC 61966-2-1). */
const LINEAR = Float64Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
})

/** Last bin that counts as too dark, first that counts as too bright: those of ISO/IEC 29794-5's reference implementation, OFIQ. */
const DARK = 25
const BRIGHT = 247

/**
 * Luminance as ISO/IEC 29794-5 takes it: 0.2126 R + 0.7152 G + 0.0722 B of linear light, rounded to a byte.
 * @param pixels Interleaved RGB.
 * @param index Which pixel.
 */
export function luminanceByte(pixels: Uint8Array, index: number): number {
  const red = LINEAR[pixels[index * 3] as number] as number
  const green = LINEAR[pixels[index * 3 + 1] as number] as number
  const blue = LINEAR[pixels[index * 3 + 2] as number] as number
  return Math.floor((0.2126 * red + 0.7152 * green + 0.0722 * blue) * 255 + 0.5)
}

/** Share of each of the 256 luminances among some pixels. */
export function luminanceHistogram(pixels: Uint8Array, indices: readonly number[]): Float64Array {
  const histogram = new Float64Array(256)
  for (const index of indices) {
    const bin = luminanceByte(pixels, index)
    histogram[bin] = (histogram[bin] as number) + 1 / indices.length
  }
  return histogram
}

const sum = (values: Float64Array): number =>
  Math.min(
    1,
    values.reduce((total, value) => total + value, 0),
  )

/**
 * Brightness of the face.
 * @param pixels The crop.
 * @param skin Pixels to look at, at least one.
 * @returns `luminance-mean` 0..1; `under-exposure` and `over-exposure`, shares of pixels that are nearly black or burnt out, 0..1;
 * `dynamic-range`, the entropy of the luminances in bits, 0..8.
 */
export function luminanceMeasures(pixels: Uint8Array, skin: readonly number[]): Measures {
  const histogram = luminanceHistogram(pixels, skin)
  let mean = 0
  let entropy = 0
  for (const [bin, share] of histogram.entries()) {
    mean += (share * bin) / 255
    if (share > 0) entropy -= share * Math.log2(share)
  }
  return {
    'luminance-mean': Math.min(1, mean),
    'under-exposure': sum(histogram.subarray(0, DARK + 1)),
    'over-exposure': sum(histogram.subarray(BRIGHT)),
    'dynamic-range': Math.max(0, entropy),
  }
}
