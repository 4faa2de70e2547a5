import { alphaBar } from './schedule.ts'

/**
 * The forward process in one step: x_t = √ᾱ_t · x + √(1 − ᾱ_t) · ε.
 *
 * Not clipped to −1..1: neither does the official implementation before it embeds x_t.
 * @param x A crop in −1..1, any layout.
 * @param noise Standard normal, as many numbers as x.
 * @param timestep 0..999.
 */
export function diffuse(x: Float32Array, noise: Float32Array, timestep: number): Float32Array {
  const bar = alphaBar(timestep)
  const signal = Math.sqrt(bar)
  const strength = Math.sqrt(1 - bar)
  const noisy = new Float32Array(x.length)
  for (let i = 0; i < x.length; i++) noisy[i] = signal * (x[i] as number) + strength * (noise[i] as number)
  return noisy
}
