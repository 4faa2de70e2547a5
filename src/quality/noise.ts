import { createHash } from 'node:crypto'
import { philox4x32 } from './philox.ts'

/** Names the recipe: another way of drawing noise gets another name, so that old and new scores are never mixed up. */
const DOMAIN = 'diffiqa-noise-1'

/** Key of a face's noise: two unsigned 32-bit numbers. */
export type NoiseKey = readonly [number, number]

/** Which of the noises of one face, draw and timestep is meant. */
export interface NoiseAddress {
  /** 0-based. Odd draws are the negative of the even draw before them (antithetic pairs). */
  readonly draw: number
  /** Timestep of the forward process, 0..999. */
  readonly timestep: number
  /** See {@link forwardStream} and {@link samplerStream}. */
  readonly stream: number
}

const FACE = 0
const MIRROR = 1
const SAMPLER = 2
const SAMPLER_MIRROR = 1002

/** Stream of the forward process's noise, for the face or its mirror image. */
export function forwardStream(mirrored: boolean): number {
  return mirrored ? MIRROR : FACE
}

/** Stream of the noise that DDIM step `step` (0-based) adds when eta > 0. */
export function samplerStream(mirrored: boolean, step: number): number {
  return (mirrored ? SAMPLER_MIRROR : SAMPLER) + step
}

/**
 * The noise key of a face: the first two little-endian words of SHA-256(domain ‖ model version ‖ 0x00 ‖ pixels), so that the same crop
 * gets the same noise on every machine, in every order and in every process.
 * @param pixels The unflipped crop, 112 × 112 × 3 bytes; the mirror image uses the same key and another stream.
 */
export function noiseKey(pixels: Uint8Array, modelVersion: string): NoiseKey {
  const digest = createHash('sha256').update(DOMAIN).update(modelVersion).update('\0').update(pixels).digest()
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)]
}

/**
 * Standard normal noise from {@link philox4x32} and the Box-Muller transform: counter = (block, draw, timestep, stream), four numbers a
 * block, uᵢ = (xᵢ + ½)/2³², z₀ = √(−2 ln u₀) cos 2πu₁, z₁ = √(−2 ln u₀) sin 2πu₁, and the same from u₂, u₃.
 * @returns `length` float32 numbers; element k is lane k mod 4 of block ⌊k/4⌋.
 */
export function gaussianNoise(key: NoiseKey, { draw, timestep, stream }: NoiseAddress, length: number): Float32Array {
  const noise = new Float32Array(length)
  const word = new Uint32Array(4)
  const sign = draw % 2 === 0 ? 1 : -1
  const even = draw - (draw % 2)
  for (let k = 0; k < length; k += 4) {
    philox4x32([k >>> 2, even, timestep, stream], key, word)
    for (let pair = 0; pair < 4 && k + pair < length; pair += 2) {
      const radius = sign * Math.sqrt(-2 * Math.log(((word[pair] as number) + 0.5) / 2 ** 32))
      const angle = 2 * Math.PI * (((word[pair + 1] as number) + 0.5) / 2 ** 32)
      noise[k + pair] = radius * Math.cos(angle)
      if (k + pair + 1 < length) noise[k + pair + 1] = radius * Math.sin(angle)
    }
  }
  return noise
}
