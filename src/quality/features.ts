import { DiffiqaError } from '../errors.ts'
import type { TermWeight } from '../inference/manifest.ts'
import type { Evidence, Sample, Wanted } from './evidence.ts'
import type { TermName } from './types.ts'

const FLOOR = 1e-6

/** Similarities crowd below 1: −ln(1 − s) spreads them, so that .99 and .999 are as far apart as .9 and .99. */
export function spread(similarity: number): number {
  return -Math.log(Math.max(1 - similarity, FLOOR))
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function samplesOf({ samples }: Evidence, mirrored: boolean, timestep: number, draws: number): Sample[] {
  return samples.filter((sample) => sample.mirrored === mirrored && sample.timestep === timestep && sample.draw < draws)
}

/** Mean similarity of one of the five terms over its draws, −1..1. */
export function termSimilarity(evidence: Evidence, term: TermName, timestep: number, draws: number): number {
  if (term === 'mirror') return evidence.mirrorSimilarity as number
  const samples = samplesOf(evidence, term.endsWith('-mirror'), timestep, draws)
  return mean(
    samples.map((sample) =>
      term.startsWith('forward') ? (sample.noisySimilarity as number) : (sample.restoredSimilarity as number),
    ),
  )
}

function headOf({ head }: Evidence): number {
  if (head === undefined) throw new DiffiqaError('scoring-failed', 'this network E has no quality head')
  return head
}

/** Mean distance between the face and its restored versions, over pixels and draws, 0..2. */
function pixelResidual(evidence: Evidence, x: Float32Array, timestep: number, draws: number): number {
  return mean(
    samplesOf(evidence, false, timestep, draws).map(({ restored }) => {
      let sum = 0
      for (let i = 0; i < x.length; i++) sum += Math.abs((restored?.[i] as number) - (x[i] as number))
      return sum / x.length
    }),
  )
}

/**
 * The terms that any network can take E's place in: the quality head reads the feature maps of the package's own.
 */
export const withoutHead = (terms: readonly TermWeight[]): readonly TermWeight[] =>
  terms.filter(({ feature }) => feature !== 'head')

/** What a feature of the tuned preset has to be computed from; nothing for what E(x) gives, which is always there. */
export function wantedBy({ feature, timestep, draws }: TermWeight): Wanted | undefined {
  if (feature === 'log-norm' || feature === 'head') return undefined
  if (feature === 'pixel-residual') return { kind: 'residual', timestep, draws }
  return feature === 'mirror' ? { kind: feature, timestep: 0, draws: 1 } : { kind: feature, timestep, draws }
}

/**
 * One feature of the tuned preset: −ln(1 − s) of a term's mean similarity, ln ‖E(x)‖, −ln of the mean distance to the restored face, or the
 * quality head's answer. Higher means better for each but the distance, where it depends on the noise: after much of it a face that the
 * restorer guesses well has little detail, hence the weight below 0 that is shipped.
 * @throws DiffiqaError `scoring-failed` where the head is asked for and another network was E.
 */
export function featureValue(evidence: Evidence, x: Float32Array, { feature, timestep, draws }: TermWeight): number {
  if (feature === 'log-norm') return Math.log(Math.max(evidence.norm, FLOOR))
  if (feature === 'head') return headOf(evidence)
  if (feature === 'pixel-residual') return -Math.log(pixelResidual(evidence, x, timestep, draws) + FLOOR)
  return spread(termSimilarity(evidence, feature, timestep, draws))
}
