import { quantile } from '../evaluation/quantile.ts'
import type { Quantiles } from './profile.ts'

/** How many are kept of a measurement. */
const KEPT = 41

/** A duration drawn from quantiles, linear between them. */
export function draw(quantiles: Quantiles, random: () => number): number {
  return quantile(quantiles, random())
}

/** Of the trapezoid between the quantiles. */
export function meanOf(quantiles: Quantiles): number {
  let sum = 0
  for (let i = 1; i < quantiles.length; i++) sum += ((quantiles[i - 1] as number) + (quantiles[i] as number)) / 2
  return sum / (quantiles.length - 1)
}

/** Quantiles of measured durations, moved a little so that their mean is that of the durations: the longest one alone stands for many. */
export function quantilesOf(durations: readonly number[]): number[] {
  const sorted = durations.toSorted((a, b) => a - b)
  const shape = Array.from({ length: KEPT }, (_, i) => quantile(sorted, i / (KEPT - 1)))
  const mean = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length
  return scaledTo(shape, mean).map((ms) => Number(ms.toFixed(3)))
}

/** The same shape with another mean. */
export function scaledTo(quantiles: Quantiles, meanMs: number): number[] {
  const factor = meanMs / meanOf(quantiles)
  return quantiles.map((ms) => ms * factor)
}
