import { fileURLToPath } from 'node:url'
import { DiffiqaError, isDiffiqaError } from '../errors.ts'
import type { AlignedFace } from '../face/types.ts'
import type { InferenceBackend } from '../inference/backend.ts'
import { checkOptions } from '../inference/backend-options.ts'
import { createPiscinaBackend } from '../inference/piscina-backend.ts'
import type { EmbedderFacts, EmbedInput, EmbedWorkerData } from './embed-handler.ts'
import { embeddingMatcher, type GalleryMatcher } from './embedding-matcher.ts'
import { cosine, MemoryGallery, requireEmbedding } from './gallery.ts'
import type { CallOptions, ScoreScale } from './matcher.ts'
import { type OnnxInput, resolveInput, SFACE_INPUT } from './onnx-input.ts'
import { orAbort } from './or-abort.ts'
import type { RatedSource } from './rated-source.ts'

export interface OnnxMatcherOptions {
  /**
   * An embedding network of one's own: the path of an ONNX file, or its bytes. It takes one crop of 112×112 (ArcFace alignment) and answers
   * one embedding; `input` and `scale` have to be given with it. @default SFace, which comes with the package
   */
  readonly model?: string | URL | Uint8Array
  /** How `model` wants its pixels. */
  readonly input?: OnnxInput
  /** Name of the output to read. @default the first */
  readonly output?: string
  /** Hex SHA-256 that `model` must have. @default not checked */
  readonly sha256?: string
  /** Cosines of this network: mean of different people, and the threshold. @default SFace's 0.09 and 0.363 */
  readonly scale?: Pick<ScoreScale, 'impostorMean' | 'defaultThreshold'>
  /** Where the people are kept. @default a new, empty one */
  readonly gallery?: MemoryGallery
  /** Metric label. @default 'onnx' */
  readonly name?: string
  /** Folder of the models that come with the package. @default found by itself */
  readonly modelsDir?: string | URL
  /** Threads that embed, each with a copy of the network. @default 1 */
  readonly workers?: number
  /** Photos that may wait for a thread; more are refused with `queue-full`. @default 64 */
  readonly maxQueue?: number
  /** Milliseconds for one embedding, waiting included. @default 10000 */
  readonly timeoutMs?: number
}

/** Length of the probe's embedding. */
export interface OnnxMatcherQuality {
  readonly norm: number
}

/** `source` of what the adapter answers; the embedding is not in it, so that nobody sends it on by accident. */
export type OnnxSource = RatedSource<undefined, OnnxMatcherQuality>

export interface OnnxMatcher extends GalleryMatcher, AsyncDisposable {
  /** Which network it is: the first 16 hex digits of its SHA-256. */
  readonly modelId: string
  /** Numbers per embedding. */
  readonly dimension: number
  /** Embeddings as the network gives them, not scaled to unit length. */
  embed(faces: readonly AlignedFace[], options: CallOptions): Promise<Float32Array[]>
  /** Stop the threads; calls that run are ended. */
  close(): Promise<void>
}

const OPTIONS = [
  'model',
  'input',
  'output',
  'sha256',
  'scale',
  'gallery',
  'name',
  'modelsDir',
  'workers',
  'maxQueue',
  'timeoutMs',
] as const satisfies readonly (keyof OnnxMatcherOptions)[]

/** The threshold is OpenCV's for SFace; the mean was measured on different people's good photos. */
const SFACE_SCALE = { impostorMean: 0.09, defaultThreshold: 0.363 }

/** Seen from this source file, and from a file of the flat dist/ folder. */
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/embed-worker.js' : './embed-worker.js',
  import.meta.url,
)

/**
 * An embedding network run by onnxruntime in threads of its own, and a gallery in memory. Scores are cosines, −1..1.
 * `source.matcherQuality.norm` is the length of the probe's embedding, which falls with the photo's quality in most networks.
 *
 * The gallery is bound to the network: its bytes are hashed, and a gallery that another network filled is refused at once.
 * @throws DiffiqaError `invalid-option`, `model-missing`, `model-integrity`, `model-incompatible`, `native-module-missing`,
 * `worker-file-missing`, `embedding-mismatch`.
 */
export async function onnxMatcher(options: OnnxMatcherOptions = {}): Promise<OnnxMatcher> {
  checkOptions(options, OPTIONS, { workers: 1, maxQueue: 0, timeoutMs: 1 })
  const { gallery = new MemoryGallery(), timeoutMs = 10_000 } = options
  const backend = createPiscinaBackend({
    workerUrl: WORKER_URL,
    workerData: workerDataOf(options),
    workers: options.workers ?? 1,
    maxQueue: options.maxQueue ?? 64,
    watchdogMs: 2 * timeoutMs,
  })
  try {
    await backend.whenReady()
    const { value: facts } = await run<EmbedderFacts>(backend, 'describe', {}, timeoutMs)
    const modelId = facts.sha256.slice(0, 16)
    gallery.requireModel(modelId, facts.dimension)
    return assemble(options, backend, gallery, { modelId, dimension: facts.dimension }, timeoutMs)
  } catch (error) {
    await backend.close({ timeoutMs: 0 })
    throw error
  }
}

function assemble(
  options: OnnxMatcherOptions,
  backend: InferenceBackend,
  gallery: MemoryGallery,
  facts: { readonly modelId: string; readonly dimension: number },
  timeoutMs: number,
): OnnxMatcher {
  const embed = async (faces: readonly AlignedFace[], { signal }: CallOptions): Promise<Float32Array[]> => {
    const crops = faces.map((face) => face.pixels)
    const input: EmbedInput = { crops }
    return (await orAbort(() => run<Float32Array[]>(backend, 'embed', input, timeoutMs, signal), signal)).value
  }
  const matcher = embeddingMatcher({
    name: options.name ?? 'onnx',
    scale: { direction: 'similarity', min: -1, max: 1, ...(options.scale ?? SFACE_SCALE) },
    calibration: options.model === undefined && options.scale === undefined ? 'onnx' : undefined,
    gallery,
    modelId: facts.modelId,
    compare: cosine,
    async embed(probe, signal) {
      const [embedding] = await embed([probe.aligned], signal ? { signal } : {})
      const matcherQuality = { norm: requireEmbedding(embedding).length }
      const source: OnnxSource = { answer: undefined, matcherQuality }
      return { embedding: embedding as Float32Array, source }
    },
  })
  const close = (): Promise<void> => backend.close({ timeoutMs: 0 })
  return Object.assign(matcher, facts, { embed, close, [Symbol.asyncDispose]: close })
}

/** @throws DiffiqaError whatever `InferenceBackend.run()` throws; `matcher-failed` in place of `scoring-failed`. */
async function run<T>(
  backend: InferenceBackend,
  name: string,
  input: unknown,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<{ readonly value: T }> {
  try {
    const deadline = performance.now() + timeoutMs
    return await backend.run<T>({ name, input }, { kind: 'fast', deadline, ...(signal && { signal }) })
  } catch (error) {
    if (isDiffiqaError(error) && error.code === 'scoring-failed')
      throw new DiffiqaError('matcher-failed', 'The embedding model could not be run', { cause: error.cause ?? error })
    throw error
  }
}

function workerDataOf(options: OnnxMatcherOptions): EmbedWorkerData {
  const { model, input, scale, output, sha256, modelsDir } = options
  const own = model !== undefined
  for (const [option, value] of Object.entries({ input, scale })) {
    if (own && value === undefined)
      throw new DiffiqaError('invalid-option', `\`model\` needs \`${option}\`: no default fits every network`, {
        details: { option },
      })
  }
  for (const [option, value] of Object.entries({ input, output, sha256 })) {
    if (!own && value !== undefined)
      throw new DiffiqaError('invalid-option', `\`${option}\` goes with \`model\``, { details: { option } })
  }
  return {
    model: model instanceof Uint8Array ? { bytes: model } : own ? { path: toPath(model) } : undefined,
    modelsDir: modelsDir === undefined ? undefined : toPath(modelsDir),
    sha256,
    input: input ? resolveInput(input) : SFACE_INPUT,
    output,
  }
}

const toPath = (place: string | URL): string => (place instanceof URL ? fileURLToPath(place) : place)
