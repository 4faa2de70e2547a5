import { DiffiqaError } from '../errors.ts'
import { CROP_SIZE } from '../face/align.ts'
import type { Tensor } from '../inference/tensor-model.ts'

const PLANE = CROP_SIZE * CROP_SIZE

/** Numbers in one crop: 3 × 112 × 112. */
export const CROP_LENGTH = 3 * PLANE

/**
 * Crop bytes to what the networks read.
 * @param pixels 112 × 112 × 3 bytes, interleaved RGB.
 * @returns 3 × 112 × 112 (channel, row, column), −1..1: pixel/127.5 − 1.
 * @throws DiffiqaError `scoring-failed` when the crop has another size.
 */
export function toTensor(pixels: Uint8Array): Float32Array {
  if (pixels.length !== CROP_LENGTH)
    throw new DiffiqaError('scoring-failed', `a crop has ${CROP_LENGTH} bytes, not ${pixels.length}`)
  const tensor = new Float32Array(CROP_LENGTH)
  for (let i = 0, k = 0; i < PLANE; i++) {
    tensor[i] = (pixels[k++] as number) / 127.5 - 1
    tensor[PLANE + i] = (pixels[k++] as number) / 127.5 - 1
    tensor[2 * PLANE + i] = (pixels[k++] as number) / 127.5 - 1
  }
  return tensor
}

/** The way back: 3 × 112 × 112 in −1..1 to interleaved bytes, rounded and clipped. */
export function toPixels(tensor: Float32Array): Uint8Array {
  const pixels = new Uint8ClampedArray(CROP_LENGTH)
  for (let i = 0, k = 0; i < PLANE; i++) {
    for (let channel = 0; channel < 3; channel++) pixels[k++] = ((tensor[channel * PLANE + i] as number) + 1) * 127.5
  }
  return new Uint8Array(pixels.buffer)
}

/** Left and right exchanged. */
export function mirror(tensor: Float32Array): Float32Array {
  const flipped = new Float32Array(tensor.length)
  for (let row = 0; row < tensor.length; row += CROP_SIZE) {
    for (let x = 0; x < CROP_SIZE; x++) flipped[row + x] = tensor[row + CROP_SIZE - 1 - x] as number
  }
  return flipped
}

/** One batch out of several crops: [N, 3, 112, 112]. */
export function stack(crops: readonly Float32Array[]): Tensor {
  const data = new Float32Array(crops.length * CROP_LENGTH)
  for (const [i, crop] of crops.entries()) data.set(crop, i * CROP_LENGTH)
  return { data, dims: [crops.length, 3, CROP_SIZE, CROP_SIZE] }
}

/** Rows of a batch's answer: views of `width` numbers each, no copies. */
export function rows(data: Float32Array, width: number): Float32Array[] {
  return Array.from({ length: data.length / width }, (_, i) => data.subarray(i * width, (i + 1) * width))
}
