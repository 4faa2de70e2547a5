import type { TensorModel } from '../inference/tensor-model.ts'
import type { Cancelled } from './batch.ts'
import { denoise } from './denoise.ts'
import { alphaBar } from './schedule.ts'

/** A noisy crop on its way back. */
export interface Diffused {
  readonly x: Float32Array
  /** Timestep that the forward process brought it to. */
  readonly timestep: number
  /** Standard normal noise for DDIM step `step` (0-based); asked only when eta > 0. */
  noise(step: number): Float32Array
}

export interface BackwardOptions {
  /** Network calls per crop. 1 is the one-step form x̂ = clip(D(x_t, t)). */
  readonly steps: number
  /** 0: deterministic. 1: as much fresh noise as DDPM adds, as in the paper's code. */
  readonly eta: number
  readonly cancelled?: Cancelled | undefined
}

/**
 * The times of DifFIQA's official walk (LSIbabnikz/DifFIQA, `ddim_sample_at_t`): `steps + 1` whole numbers from t − 1 down to −1, the
 * clean image. It starts one below the forward process's t, and cutting the fractions off visits 0 twice: both as published.
 */
export function walk(timestep: number, steps: number): number[] {
  const width = timestep / steps
  const times = Array.from({ length: steps }, (_, i) => Math.trunc(-1 + i * width) + 0)
  return [...times, timestep - 1].reverse()
}

/** One DDIM step, in place: x_τ and its x̂₀ become x_τ'. */
function step(
  x: Float32Array,
  guess: Float32Array,
  from: number,
  to: number,
  eta: number,
  draw: () => Float32Array,
): void {
  const bar = alphaBar(from)
  const next = alphaBar(to)
  const sigma = eta * Math.sqrt(Math.max(0, ((1 - bar / next) * (1 - next)) / (1 - bar)))
  const direction = Math.sqrt(Math.max(0, 1 - next - sigma * sigma)) / Math.sqrt(1 / bar - 1)
  const signal = Math.sqrt(next) - direction
  const rest = direction / Math.sqrt(bar)
  const noise = sigma > 0 ? draw() : undefined
  for (let i = 0; i < x.length; i++)
    x[i] = signal * (guess[i] as number) + rest * (x[i] as number) + (noise ? sigma * (noise[i] as number) : 0)
}

/**
 * The backward process: DDIM (Song, Meng, Ermon, ICLR 2021, arXiv 2010.02502, eq. 12 and 16) with a network that predicts x₀,
 *
 * x̂₀ = clip(D(x_τ, τ)), ε̂ = (x_τ/√ᾱ_τ − x̂₀)/√(1/ᾱ_τ − 1), σ = η·√((1 − ᾱ_τ/ᾱ_τ')(1 − ᾱ_τ')/(1 − ᾱ_τ)),
 * x_τ' = √ᾱ_τ'·x̂₀ + √(1 − ᾱ_τ' − σ²)·ε̂ + σ·z,
 *
 * over {@link walk}'s times; all crops walk in lockstep, each along its own times, and share the network calls.
 * @returns the restored crops in the order given, −1..1.
 * @throws DiffiqaError `aborted`, `invalid-model-output`.
 */
export async function restore(
  denoiser: TensorModel,
  crops: readonly Diffused[],
  { steps, eta, cancelled }: BackwardOptions,
): Promise<Float32Array[]> {
  if (steps === 1) return denoise(denoiser, crops, cancelled)
  const walkers = crops.map((crop) => ({ crop, x: Float32Array.from(crop.x), times: walk(crop.timestep, steps) }))
  for (let s = 0; ; s++) {
    const asked = walkers.map(({ x, times }) => ({ x, timestep: times[s] as number }))
    const guesses = await denoise(denoiser, asked, cancelled)
    if (s === steps - 1) return guesses
    for (const [i, { crop, x, times }] of walkers.entries())
      step(x, guesses[i] as Float32Array, times[s] as number, times[s + 1] as number, eta, () => crop.noise(s))
  }
}
