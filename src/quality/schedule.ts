import { DiffiqaError } from '../errors.ts'

/** Number of diffusion steps, T. */
export const TIMESTEPS = 1000

/** s of the cosine schedule: keeps the first steps from being too small to see. */
const OFFSET = 0.008
const MAX_BETA = 0.999

function cosineSquared(step: number): number {
  return Math.cos(((step / TIMESTEPS + OFFSET) / (1 + OFFSET)) * (Math.PI / 2)) ** 2
}

function build(): Float64Array {
  const bars = new Float64Array(TIMESTEPS)
  let product = 1
  for (let i = 0; i < TIMESTEPS; i++) {
    product *= 1 - Math.min(MAX_BETA, 1 - cosineSquared(i + 1) / cosineSquared(i))
    bars[i] = product
  }
  return bars
}

const ALPHA_BARS = build()

/**
 * Share of the signal's power that is left at a timestep, ᾱ.
 *
 * Cosine schedule of Nichol & Dhariwal, "Improved Denoising Diffusion Probabilistic Models" (ICML 2021, arXiv 2102.09672), eq. 17:
 * f(i) = cos²((i/T + s)/(1 + s) · π/2) with s = 0.008 and T = 1000, βᵢ = min(0.999, 1 − f(i+1)/f(i)), ᾱᵢ = Π (1 − βⱼ), j ≤ i.
 * @param timestep Whole number, 0 (almost no noise) to 999 (almost nothing but noise).
 * @returns a number in (0, 1), falling with the timestep.
 * @throws DiffiqaError `invalid-option` for any other timestep.
 */
export function alphaBar(timestep: number): number {
  const value = ALPHA_BARS[timestep]
  if (value === undefined)
    throw new DiffiqaError(
      'invalid-option',
      `timestep must be a whole number from 0 to ${TIMESTEPS - 1}, not ${timestep}`,
    )
  return value
}
