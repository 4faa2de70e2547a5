import type { TensorModel } from '../inference/tensor-model.ts'
import { restore } from './backward.ts'
import type { Cancelled } from './batch.ts'
import { type Embedded, embed } from './embed.ts'
import { diffuse } from './forward.ts'
import { forwardStream, gaussianNoise, type NoiseAddress, type NoiseKey, samplerStream } from './noise.ts'
import { cosine, norm } from './similarity.ts'
import { mirror } from './tensor.ts'
import type { TermName } from './types.ts'

/** E's answer to one crop; another network than the package's own has no quality head. */
export type Seen = Pick<Embedded, 'embedding'> & Partial<Pick<Embedded, 'head'>>

/** What a preset wants to know. `residual` needs the restored crops, but not their embeddings. */
export interface Wanted {
  readonly kind: TermName | 'residual'
  /** 0..999; of no meaning for the mirror term. */
  readonly timestep: number
  /** Draws of noise; 1 or more. */
  readonly draws: number
}

export interface Networks {
  readonly embedder: TensorModel
  readonly denoiser: TensorModel
}

export interface Process {
  /** Network calls of the backward process; 1 is the one-step form. */
  readonly steps: number
  readonly eta: number
}

/** One noised crop and what came of it. */
export interface Sample {
  readonly mirrored: boolean
  readonly timestep: number
  readonly draw: number
  readonly noisy: Float32Array
  readonly restored: Float32Array | undefined
  /** What E says of them, where that was wanted. */
  readonly ofNoisy: Impression | undefined
  readonly ofRestored: Impression | undefined
}

/** What E says of one version of the face. */
export interface Impression {
  /** Cosine similarity to E(x). */
  readonly similarity: number
  /** Length of its embedding. */
  readonly norm: number
  /** The quality head's answer; undefined where another network is E. */
  readonly head: number | undefined
}

export interface Evidence {
  readonly ofFace: Impression
  /** Of x^f, where the mirror term was wanted. */
  readonly ofMirror: Impression | undefined
  readonly samples: readonly Sample[]
}

interface Draft {
  readonly mirrored: boolean
  readonly timestep: number
  readonly draw: number
  embedNoisy: boolean
  restore: boolean
  embedRestored: boolean
}

/** Terms of the same timestep share their draws: a draw is noised, restored and embedded once, whoever asks for it. */
function draft(wanted: readonly Wanted[]): Draft[] {
  const drafts = new Map<string, Draft>()
  for (const { kind, timestep, draws } of wanted) {
    if (kind === 'mirror') continue
    const mirrored = kind.endsWith('-mirror')
    for (let draw = 0; draw < draws; draw++) {
      const name = `${mirrored} ${timestep} ${draw}`
      const entry = drafts.get(name) ?? {
        mirrored,
        timestep,
        draw,
        embedNoisy: false,
        restore: false,
        embedRestored: false,
      }
      drafts.set(name, entry)
      if (kind.startsWith('forward')) entry.embedNoisy = true
      else entry.restore = true
      if (kind.startsWith('backward')) entry.embedRestored = true
    }
  }
  return [...drafts.values()]
}

/** Noise of one face, each pair of antithetic draws made once. */
function noiseSource(key: NoiseKey, length: number): (address: NoiseAddress) => Float32Array {
  const made = new Map<string, Float32Array>()
  return ({ draw, timestep, stream }) => {
    const even = draw - (draw % 2)
    const name = `${even} ${timestep} ${stream}`
    let noise = made.get(name)
    if (!noise) {
      noise = gaussianNoise(key, { draw: even, timestep, stream }, length)
      made.set(name, noise)
    }
    return draw === even ? noise : noise.map((value) => -value)
  }
}

/** A face with its noisy and restored versions, ready to be embedded. Survives structured cloning, in one piece. */
export interface Prepared {
  /** The crop, 3 × 112 × 112, −1..1. */
  readonly x: Float32Array
  /** Where the mirror term is wanted. */
  readonly flipped: Float32Array | undefined
  readonly drafts: readonly PreparedDraft[]
}

interface PreparedDraft extends Readonly<Draft> {
  readonly noisy: Float32Array
  readonly restored: Float32Array | undefined
}

/**
 * Noise and restore a face as far as `wanted` asks, all draws, timesteps and both flips in common batches.
 * @param x The crop, 3 × 112 × 112, −1..1.
 * @throws DiffiqaError `aborted` between two network calls once `cancelled` says so; `invalid-model-output`.
 */
export async function prepare(
  denoiser: TensorModel,
  x: Float32Array,
  key: NoiseKey,
  wanted: readonly Wanted[],
  { steps, eta }: Process,
  cancelled?: Cancelled,
): Promise<Prepared> {
  const noise = noiseSource(key, x.length)
  const flipped = mirror(x)
  const drafts = draft(wanted).map((entry) => {
    const { mirrored, timestep, draw } = entry
    const stream = forwardStream(mirrored)
    return { ...entry, noisy: diffuse(mirrored ? flipped : x, noise({ draw, timestep, stream }), timestep) }
  })
  const toRestore = drafts.filter((entry) => entry.restore)
  const restored = await restore(
    denoiser,
    toRestore.map(({ mirrored, timestep, draw, noisy }) => ({
      x: noisy,
      timestep,
      noise: (step: number) => noise({ draw, timestep, stream: samplerStream(mirrored, step) }),
    })),
    { steps, eta, cancelled },
  )
  const restoredOf = new Map(toRestore.map((entry, i) => [entry, restored[i] as Float32Array]))
  return {
    x,
    flipped: wanted.some(({ kind }) => kind === 'mirror') ? flipped : undefined,
    drafts: drafts.map((entry) => ({ ...entry, restored: restoredOf.get(entry) })),
  }
}

/** What has to be embedded, each once: the face itself first. */
export function cropsToEmbed({ x, flipped, drafts }: Prepared): Float32Array[] {
  const crops = [x]
  if (flipped) crops.push(flipped)
  for (const { embedNoisy, noisy, embedRestored, restored } of drafts) {
    if (embedNoisy) crops.push(noisy)
    if (embedRestored && restored) crops.push(restored)
  }
  return crops
}

/**
 * What E's answers say.
 * @param seen To {@link cropsToEmbed}, in its order.
 */
export function weigh(prepared: Prepared, seen: readonly Seen[]): Evidence {
  const seenOf = new Map(cropsToEmbed(prepared).map((crop, i) => [crop, seen[i] as Seen]))
  const anchor = (seenOf.get(prepared.x) as Seen).embedding
  const impression = (crop: Float32Array | undefined): Impression | undefined => {
    const one = crop && seenOf.get(crop)
    return one && { similarity: cosine(anchor, one.embedding), norm: norm(one.embedding), head: one.head }
  }
  return {
    ofFace: impression(prepared.x) as Impression,
    ofMirror: impression(prepared.flipped),
    samples: prepared.drafts.map(
      ({ mirrored, timestep, draw, noisy, restored }): Sample => ({
        mirrored,
        timestep,
        draw,
        noisy,
        restored,
        ofNoisy: impression(noisy),
        ofRestored: impression(restored),
      }),
    ),
  }
}

/**
 * Noise, restore and embed a face as far as `wanted` asks. E(x) and E(x^f) are computed once.
 * @param x The crop, 3 × 112 × 112, −1..1.
 * @throws DiffiqaError `aborted` between two network calls once `cancelled` says so; `invalid-model-output`.
 */
export async function gather(
  { embedder, denoiser }: Networks,
  x: Float32Array,
  key: NoiseKey,
  wanted: readonly Wanted[],
  process: Process,
  cancelled?: Cancelled,
): Promise<Evidence> {
  const prepared = await prepare(denoiser, x, key, wanted, process, cancelled)
  return weigh(prepared, await embed(embedder, cropsToEmbed(prepared), cancelled))
}
