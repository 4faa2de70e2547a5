import { DiffiqaError } from '../errors.ts'
import type { TermWeight } from '../inference/manifest.ts'
import type { Evidence, Impression, Sample, Wanted } from './evidence.ts'
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

/** Of one of the five terms: one a draw, or one alone of the mirror image. */
function impressionsOf(evidence: Evidence, term: TermName, timestep: number, draws: number): Impression[] {
  if (term === 'mirror') return [evidence.ofMirror as Impression]
  return samplesOf(evidence, term.endsWith('-mirror'), timestep, draws).map(
    ({ ofNoisy, ofRestored }) => (term.startsWith('forward') ? ofNoisy : ofRestored) as Impression,
  )
}

/** Mean similarity of one of the five terms over its draws, −1..1. */
export function termSimilarity(evidence: Evidence, term: TermName, timestep: number, draws: number): number {
  return mean(impressionsOf(evidence, term, timestep, draws).map(({ similarity }) => similarity))
}

function headOf({ head }: Impression): number {
  if (head === undefined) throw new DiffiqaError('scoring-failed', 'this network E has no quality head')
  return head
}

const logNorm = ({ norm }: Impression): number => Math.log(Math.max(norm, FLOOR))

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
  terms.filter(({ feature }) => !feature.startsWith('head'))

/** `head` and `log-norm` ask E about the face itself, or about the version of it that follows their name. */
function versionOf(feature: TermWeight['feature']): 'forward' | 'mirror' | undefined {
  const version = /^(?:head|log-norm)-(forward|mirror)$/.exec(feature)?.[1]
  return version as 'forward' | 'mirror' | undefined
}

/** What a feature of the tuned preset has to be computed from; nothing for what E(x) gives, which is always there. */
export function wantedBy({ feature, timestep, draws }: TermWeight): Wanted | undefined {
  if (feature === 'log-norm' || feature === 'head') return undefined
  if (feature === 'pixel-residual') return { kind: 'residual', timestep, draws }
  const kind = versionOf(feature) ?? (feature as TermName)
  return kind === 'mirror' ? { kind, timestep: 0, draws: 1 } : { kind, timestep, draws }
}

/**
 * One feature of the tuned preset: −ln(1 − s) of a term's mean similarity, ln ‖E(x)‖, −ln of the mean distance to the restored face, or the
 * quality head's answer; length and answer also of the noised face, means over the draws, and of the mirror image. Higher means better for each
 * but the distance, where it depends on the noise: after much of it a face that the restorer guesses well has little detail, hence the weight
 * below 0 that is shipped.
 * @throws DiffiqaError `scoring-failed` where the head is asked for and another network was E.
 */
export function featureValue(evidence: Evidence, x: Float32Array, { feature, timestep, draws }: TermWeight): number {
  if (feature === 'pixel-residual') return -Math.log(pixelResidual(evidence, x, timestep, draws) + FLOOR)
  const own = feature.startsWith('head') ? headOf : feature.startsWith('log-norm') ? logNorm : undefined
  if (!own) return spread(termSimilarity(evidence, feature as TermName, timestep, draws))
  const version = versionOf(feature)
  return version ? mean(impressionsOf(evidence, version, timestep, draws).map(own)) : own(evidence.ofFace)
}
