import { DiffiqaError } from '../errors.ts'
import type { AlignedFace } from '../face/types.ts'
import type { InferenceBackend, RunResult } from '../inference/backend.ts'
import type { Manifest } from '../inference/manifest.ts'
import { scoreWith } from '../quality/diffiqa.ts'
import { cropsToEmbed } from '../quality/evidence.ts'
import { toPixels } from '../quality/tensor.ts'
import type { EmbeddingSource } from './options.ts'
import { type FullAnswer, type FullInput, type PrepareAnswer, TASKS } from './worker-tasks.ts'

export interface FullLookOptions {
  readonly deadline: number
  readonly signal: AbortSignal
}

/** One full DifFIQA of one crop. */
export type FullLook = (aligned: AlignedFace, options: FullLookOptions) => Promise<RunResult<FullAnswer>>

/** All of it in a worker, with the package's own embedder as E. */
export function ownLook(backend: InferenceBackend): FullLook {
  return (aligned, options) =>
    backend.run<FullAnswer>({ name: TASKS.full, input: { aligned } satisfies FullInput }, { kind: 'full', ...options })
}

/**
 * Noise and restoration in a worker, E by the matcher. It gets crops of bytes: what noise puts outside of 0..255 is cut off.
 * The promise may outlive deadline and signal where the matcher does not listen; its caller has stopped waiting then.
 */
export function matcherLook(
  backend: InferenceBackend,
  { scoring, modelVersion }: Manifest,
  matcher: EmbeddingSource,
): FullLook {
  return async (aligned, options) => {
    const { value, queueMs, serviceMs } = await backend.run<PrepareAnswer>(
      { name: TASKS.prepare, input: { aligned } satisfies FullInput },
      { kind: 'full', ...options },
    )
    const { prepared, measures } = value
    const start = performance.now()
    const faces = cropsToEmbed(prepared).map((crop) => ({ ...aligned, pixels: toPixels(crop) }))
    const embeddings = requireEmbeddings(await matcher.embed(faces, { signal: options.signal }), faces.length)
    const full = scoreWith(prepared, embeddings, scoring.tuned, modelVersion)
    return { value: { full, measures }, queueMs, serviceMs: serviceMs + performance.now() - start }
  }
}

/** @throws DiffiqaError `matcher-invalid-answer`. */
export function requireEmbeddings(answer: unknown, count: number): Float32Array[] {
  const width = (answer as ArrayLike<number>[] | undefined)?.[0]?.length
  const usable =
    Array.isArray(answer) &&
    answer.length === count &&
    answer.every(
      (one) => one instanceof Float32Array && one.length === width && width > 0 && one.every(Number.isFinite),
    )
  if (usable) return answer
  throw new DiffiqaError(
    'matcher-invalid-answer',
    'embed() must answer one Float32Array of finite numbers per face, all of the same length',
  )
}
