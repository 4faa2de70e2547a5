import { CROP_SIZE } from '../../src/face/align.ts'

/** Scores that need no network, of one crop; higher is better. */
export interface ImageBaselines {
  /** Variance of the 4-neighbour Laplacian of the grey crop. */
  readonly laplacian: number
  /** Mean length of the grey gradient (central differences). */
  readonly gradient: number
  /** Standard deviation of the grey values. */
  readonly contrast: number
}

/** @param pixels - 112 × 112 × 3 RGB bytes */
export function imageBaselines(pixels: Uint8Array): ImageBaselines {
  const size = CROP_SIZE
  const grey = Float64Array.from({ length: size * size }, (_, i) => {
    const [r, g, b] = [pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]] as [number, number, number]
    return 0.299 * r + 0.587 * g + 0.114 * b
  })
  const at = (x: number, y: number): number => grey[y * size + x] as number
  const laplacians: number[] = []
  let gradient = 0
  for (let y = 1; y < size - 1; y++)
    for (let x = 1; x < size - 1; x++) {
      laplacians.push(at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4 * at(x, y))
      gradient += Math.hypot(at(x + 1, y) - at(x - 1, y), at(x, y + 1) - at(x, y - 1)) / 2
    }
  return {
    laplacian: variance(laplacians),
    gradient: gradient / laplacians.length,
    contrast: Math.sqrt(variance(grey)),
  }
}

function variance(values: ArrayLike<number>): number {
  let [sum, squares] = [0, 0]
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    sum += value
    squares += value * value
  }
  return squares / values.length - (sum / values.length) ** 2
}
