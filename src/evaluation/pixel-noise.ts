import type { RgbImage } from '../face/types.ts'
import type { SeededRandom } from './seeded-random.ts'

const toByte = (value: number): number => Math.min(255, Math.max(0, Math.round(value)))

/** Apply one curve to every sample, 0..255. */
export function mapTones(image: RgbImage, curve: (value: number) => number): RgbImage {
  const table = Uint8Array.from({ length: 256 }, (_, value) => toByte(curve(value)))
  return { ...image, data: image.data.map((value) => table[value] as number) }
}

export interface NoiseStrength {
  /** Standard deviation that does not depend on the light, grey levels. */
  readonly read: number
  /** Factor of the square root of the signal. */
  readonly shot: number
  /** Side of one grain in pixels; 1 is one pixel. */
  readonly grain: number
}

/** Add camera noise: constant read noise plus shot noise that grows with the square root of the signal. */
export function addNoise(image: RgbImage, { read, shot, grain }: NoiseStrength, random: SeededRandom): RgbImage {
  const { width, height, data } = image
  const size = Math.max(1, Math.round(grain))
  const columns = Math.ceil(width / size)
  const noise = Float32Array.from({ length: columns * Math.ceil(height / size) * 3 }, () => random.normal())
  const out = new Uint8Array(data.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const grainIndex = (Math.floor(y / size) * columns + Math.floor(x / size)) * 3
      for (let channel = 0; channel < 3; channel++) {
        const i = (y * width + x) * 3 + channel
        const value = data[i] as number
        const deviation = Math.sqrt(read * read + shot * shot * value)
        out[i] = toByte(value + deviation * (noise[grainIndex + channel] as number))
      }
    }
  }
  return { width, height, data: out }
}
