import { DiffiqaError } from '../errors.ts'
import type { AlignedFace } from '../face/types.ts'
import type { Knots, Manifest, PaperPreset, TunedPreset } from '../inference/manifest.ts'
import type { Cancelled } from './batch.ts'
import { calibrate } from './calibration.ts'
import {
  type Evidence,
  gather,
  type Networks,
  type Prepared,
  type Process,
  prepare,
  type Wanted,
  weigh,
} from './evidence.ts'
import { featureValue, termSimilarity, wantedBy } from './features.ts'
import { noiseKey } from './noise.ts'
import { occlusion } from './occlusion.ts'
import { mirror, toPixels, toTensor } from './tensor.ts'
import type { Measures, QualityScore, TermName, TermSimilarity } from './types.ts'

/** `paper`: five terms of equal weight, as published. `tuned`: terms, timesteps, draws and weights fitted on validation people. */
export type PresetName = 'tuned' | 'paper'

export interface DiffiqaOptions extends Networks {
  readonly manifest: Manifest
  /** @default 'tuned' */
  readonly preset?: PresetName
}

export interface ScoreOptions {
  /** Asked before every call of a network. */
  readonly cancelled?: Cancelled | undefined
}

/** A version of the face that was compared with the unchanged one. `similarity` is the mean over the draws; the pictures show the first. */
export interface ComparedVersion extends TermSimilarity {
  /** 112 × 112 × 3 bytes, interleaved RGB. */
  readonly pixels: Uint8Array
  /** The noisy face that a restored one was made of; the same shape. */
  readonly noisy?: Uint8Array
  /** False for a restoration that was made only to be looked at, since the preset restores nothing. */
  readonly counts: boolean
}

export interface Explanation {
  /** What `score()` gives for the same crop. */
  readonly score: QualityScore
  /** In the order of the score's terms. */
  readonly versions: readonly ComparedVersion[]
}

export interface FullAssessment {
  readonly score: QualityScore
  /** Occlusion of the lower and upper face, where the preset restores the face; else empty. */
  readonly measures: Measures
}

/** A face with its versions, and what the restored ones tell about occlusion. */
export interface PreparedFace {
  readonly prepared: Prepared
  readonly measures: Measures
}

/** Full DifFIQA. */
export interface Diffiqa {
  /**
   * @returns the score with its terms; the same crop always gets the same one.
   * @throws DiffiqaError `aborted`, `invalid-model-output`, `scoring-failed`.
   */
  score(face: AlignedFace, options?: ScoreOptions): Promise<QualityScore>
  /**
   * The first half of `assess()`: everything but E. Another network can then take E's place, see {@link scoreWith}.
   * @throws DiffiqaError `aborted`, `invalid-model-output`.
   */
  prepare(face: Pick<AlignedFace, 'pixels'>, options?: ScoreOptions): Promise<PreparedFace>
  /** The score, and what the restored face tells about occlusion. */
  assess(face: AlignedFace, options?: ScoreOptions): Promise<FullAssessment>
  /**
   * The score together with the noisy, restored and mirrored faces it compares, to look at.
   * @throws as `score()` does.
   */
  explain(face: Pick<AlignedFace, 'pixels'>, options?: ScoreOptions): Promise<Explanation>
}

interface Method {
  readonly wanted: readonly Wanted[]
  readonly process: Process
  readonly knots: Knots
  readonly sigma: number
  raw(evidence: Evidence, x: Float32Array): number
}

const TERMS: readonly TermName[] = ['forward', 'backward', 'forward-mirror', 'backward-mirror', 'mirror']

function paperMethod({ timestep, draws, steps, eta, knots, sigma }: PaperPreset): Method {
  return {
    wanted: TERMS.map((kind) => (kind === 'mirror' ? { kind, timestep: 0, draws: 1 } : { kind, timestep, draws })),
    process: { steps, eta },
    knots,
    sigma,
    raw: (evidence) =>
      TERMS.reduce((sum, term) => sum + termSimilarity(evidence, term, timestep, draws), 0) / TERMS.length,
  }
}

/** Several features may be read from one version of the face; it is listed once. */
const distinct = (wanted: readonly Wanted[]): Wanted[] => [
  ...new Map(wanted.map((one) => [`${one.kind} ${one.timestep} ${one.draws}`, one])).values(),
]

function tunedMethod({ terms, bias, steps, eta, knots, sigma }: TunedPreset): Method {
  return {
    wanted: distinct(terms.map(wantedBy).filter((wanted) => wanted !== undefined)),
    process: { steps, eta },
    knots,
    sigma,
    raw: (evidence, x) => terms.reduce((sum, term) => sum + term.weight * featureValue(evidence, x, term), bias),
  }
}

function scoreOf(method: Method, evidence: Evidence, x: Float32Array, modelVersion: string): QualityScore {
  const raw = method.raw(evidence, x)
  if (!Number.isFinite(raw)) throw new DiffiqaError('scoring-failed', 'the terms do not add up to a number')
  return {
    ...calibrate(method.knots, raw, method.sigma),
    method: 'diffiqa',
    modelVersion,
    terms: listTerms(evidence, method.wanted),
  }
}

/**
 * The second half of `assess()` with another network as E.
 * @param embeddings Of `cropsToEmbed(prepared)`, in its order.
 * @param tuned Weights and calibration that were fitted for this very network.
 * @throws DiffiqaError `scoring-failed`.
 */
export function scoreWith(
  prepared: Prepared,
  embeddings: readonly Float32Array[],
  tuned: TunedPreset,
  modelVersion: string,
): QualityScore {
  return scoreOf(
    tunedMethod(tuned),
    weigh(
      prepared,
      embeddings.map((embedding) => ({ embedding })),
    ),
    prepared.x,
    modelVersion,
  )
}

function listTerms(evidence: Evidence, wanted: readonly Wanted[]): TermSimilarity[] {
  return wanted.flatMap(({ kind, timestep, draws }) =>
    kind === 'residual' ? [] : [{ term: kind, timestep, similarity: termSimilarity(evidence, kind, timestep, draws) }],
  )
}

/** A restoration to look at, for a preset that compares none: a person can see what the network makes of the face. */
function onlyToSee(wanted: readonly Wanted[], fallback: number): Wanted[] {
  if (wanted.some(({ kind }) => kind.startsWith('backward'))) return []
  const timesteps = wanted.filter(({ kind }) => kind !== 'mirror').map(({ timestep }) => timestep)
  return [{ kind: 'backward', timestep: Math.max(fallback, ...timesteps), draws: 1 }]
}

function versionOf(
  evidence: Evidence,
  x: Float32Array,
  { term, timestep, similarity }: TermSimilarity,
): Omit<ComparedVersion, 'counts'> {
  if (term === 'mirror') return { term, timestep, similarity, pixels: toPixels(mirror(x)) }
  const first = evidence.samples.find(
    (sample) => sample.draw === 0 && sample.timestep === timestep && sample.mirrored === term.endsWith('-mirror'),
  )
  const noisy = toPixels(first?.noisy as Float32Array)
  if (term.startsWith('forward')) return { term, timestep, similarity, pixels: noisy }
  return { term, timestep, similarity, pixels: toPixels(first?.restored as Float32Array), noisy }
}

/**
 * Full DifFIQA (Babnik, Peer, Štruc, IJCB 2023, arXiv 2305.05768): a face that stays the same person to a recognition network E when noise
 * is added to it, when a diffusion model restores it and when it is mirrored is good for recognition.
 *
 * Terms, each a cosine similarity to E(x): x_t, x̂, x^f_t, x̂^f (means over the draws) and x^f. `paper`: raw = their mean.
 * `tuned`: raw = bias + Σ weight · feature, see {@link featureValue}; terms that the manifest does not name are not computed.
 * @throws DiffiqaError `invalid-option` for an unknown preset.
 */
export function createDiffiqa({ embedder, denoiser, manifest, preset = 'tuned' }: DiffiqaOptions): Diffiqa {
  const { modelVersion, scoring } = manifest
  if (preset !== 'tuned' && preset !== 'paper')
    throw new DiffiqaError('invalid-option', `preset must be 'tuned' or 'paper', not ${JSON.stringify(preset)}`)
  const method = preset === 'paper' ? paperMethod(scoring.paper) : tunedMethod(scoring.tuned)
  const networks = { embedder, denoiser }

  async function look(face: Pick<AlignedFace, 'pixels'>, extra: readonly Wanted[], cancelled: Cancelled | undefined) {
    const x = toTensor(face.pixels)
    const key = noiseKey(face.pixels, modelVersion)
    const evidence = await gather(networks, x, key, [...method.wanted, ...extra], method.process, cancelled)
    return { x, evidence, score: scoreOf(method, evidence, x, modelVersion) }
  }

  async function assess(face: AlignedFace, { cancelled }: ScoreOptions = {}): Promise<FullAssessment> {
    const { x, evidence, score } = await look(face, [], cancelled)
    return { score, measures: occlusion(x, evidence.samples) }
  }

  return {
    assess,
    async prepare({ pixels }, { cancelled } = {}) {
      const key = noiseKey(pixels, modelVersion)
      const prepared = await prepare(denoiser, toTensor(pixels), key, method.wanted, method.process, cancelled)
      // The samples need no similarities for this.
      return {
        prepared,
        measures: occlusion(prepared.x, weigh(prepared, [{ embedding: new Float32Array(0) }]).samples),
      }
    },
    score: async (face, options) => (await assess(face, options)).score,
    async explain(face, { cancelled } = {}) {
      const extra = onlyToSee(method.wanted, scoring.paper.timestep)
      const { x, evidence, score } = await look(face, extra, cancelled)
      const show = (counts: boolean) => (term: TermSimilarity) => ({ ...versionOf(evidence, x, term), counts })
      return {
        score,
        versions: [...(score.terms ?? []).map(show(true)), ...listTerms(evidence, extra).map(show(false))],
      }
    },
  }
}
