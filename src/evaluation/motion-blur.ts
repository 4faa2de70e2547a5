import type { RgbImage } from '../face/types.ts'

/**
 * Average the image along a straight line, as a shutter does while camera or head move.
 * @param length Length of the line in pixels.
 * @param angle Direction in radians.
 */
export function motionBlur(image: RgbImage, length: number, angle: number): RgbImage {
  const { width, height, data } = image
  const taps = Math.max(2, Math.ceil(length) + 1)
  const sum = new Float32Array(data.length)
  for (let tap = 0; tap < taps; tap++) {
    const distance = (tap / (taps - 1) - 0.5) * length
    const dx = Math.round(Math.cos(angle) * distance)
    const dy = Math.round(Math.sin(angle) * distance)
    for (let y = 0; y < height; y++) {
      const sourceRow = Math.min(height - 1, Math.max(0, y + dy)) * width
      for (let x = 0; x < width; x++) {
        const source = (sourceRow + Math.min(width - 1, Math.max(0, x + dx))) * 3
        const target = (y * width + x) * 3
        sum[target] = (sum[target] as number) + (data[source] as number)
        sum[target + 1] = (sum[target + 1] as number) + (data[source + 1] as number)
        sum[target + 2] = (sum[target + 2] as number) + (data[source + 2] as number)
      }
    }
  }
  return { width, height, data: Uint8Array.from(sum, (value) => Math.round(value / taps)) }
}
