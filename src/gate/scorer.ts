import type { MessagePort } from 'node:worker_threads'
import { DiffiqaError } from '../errors.ts'
import { align } from '../face/align.ts'
import { decode } from '../face/decode.ts'
import { createDetector, type Detector } from '../face/detector.ts'
import type { AlignedFace, Face, RgbImage } from '../face/types.ts'
import { MODEL_NAMES, type ModelName } from '../inference/manifest.ts'
import { ModelStore } from '../inference/model-store.ts'
import type { RemoteModelName } from '../inference/remote/remote-models.ts'
import { TensorPort } from '../inference/remote/tensor-port.ts'
import type { TaskAnswer, TaskContext, TaskHandler } from '../inference/task-handler.ts'
import type { TensorModel } from '../inference/tensor-model.ts'
import { createDiffiqa, type Diffiqa, type Explanation } from '../quality/diffiqa.ts'
import { createRegressor, type Regressor } from '../quality/diffiqa-r.ts'
import { measure } from '../quality/measure.ts'
import { calibrated } from './calibration.ts'
import { type FaceSelection, selectFaces } from './face-selection.ts'
import {
  type AssessAnswer,
  type AssessInput,
  type CropInput,
  type ExplainInput,
  type FullAnswer,
  type FullInput,
  type PrepareAnswer,
  type ScoredFace,
  type ScorerData,
  TASKS,
  type WarmUpAnswer,
} from './worker-tasks.ts'

/** The networks of one thread, put to use. */
export interface Scorer {
  readonly handle: TaskHandler
  close(): Promise<void>
}

export interface ScorerParts {
  readonly detector: Detector
  readonly regressor: Regressor
  readonly diffiqa: Diffiqa
  readonly warmUp: WarmUpAnswer
}

/** A crowd is scored in pieces, so that a cancelled task ends soon. */
const FACES_AT_ONCE = 16

/** One face among the largest is judged, or two of them are one too many: the rest of a crowd needs no exact points. */
const EXACT: Readonly<Record<FaceSelection, number>> = { one: 8, largest: 8, all: Number.POSITIVE_INFINITY }

function stopwatch(): () => number {
  let last = performance.now()
  return () => {
    const now = performance.now()
    const elapsed = now - last
    last = now
    return elapsed
  }
}

/** The thread that asked may itself be too busy to say that time is up. */
function stopIf({ cancelled, deadline }: TaskContext): void {
  if (cancelled()) throw new DiffiqaError('aborted')
  if (performance.now() >= deadline)
    throw new DiffiqaError('deadline-exceeded', undefined, { details: { phase: 'running', kind: 'fast' } })
}

const bySize = (a: Face, b: Face): number => b.box.width * b.box.height - a.box.width * a.box.height

const buffersOf = (faces: readonly { readonly aligned: AlignedFace }[]): ArrayBuffer[] =>
  faces.map(({ aligned }) => aligned.pixels.buffer as ArrayBuffer)

const picturesOf = ({ versions }: Explanation): ArrayBuffer[] =>
  versions.flatMap(({ pixels, noisy }) =>
    (noisy ? [pixels, noisy] : [pixels]).map(({ buffer }) => buffer as ArrayBuffer),
  )

async function assess(parts: ScorerParts, input: AssessInput, context: TaskContext): Promise<AssessAnswer> {
  const lap = stopwatch()
  const { image, format } = await decode(input.bytes, { maxPixels: input.maxPixels, deadline: context.deadline })
  const decodeMs = lap()
  stopIf(context)
  const faces = input.detected
    ? [...input.detected].sort(bySize)
    : await parts.detector.detect(image, { checkpoint: () => stopIf(context), refineAtMost: EXACT[input.selection] })
  const detectMs = input.detected ? 0 : lap()
  const chosen = selectFaces(faces, input.selection, input.minInterEye)
  const scored: ScoredFace[] = []
  let [alignMs, diffiqaRMs] = [0, 0]
  for (let from = 0; from < chosen.length; from += FACES_AT_ONCE) {
    stopIf(context)
    lap()
    const cut = chosen.slice(from, from + FACES_AT_ONCE).map((face) => cutOut(image, face))
    alignMs += lap()
    const scores = await parts.regressor.score(cut.map(({ aligned }) => aligned))
    diffiqaRMs += lap()
    for (const [i, { aligned, measures }] of cut.entries()) {
      const fast = scores[i]
      if (!fast) throw new DiffiqaError('invalid-model-output', 'The regressor answered for too few faces')
      scored.push({ aligned, fast, measures })
    }
  }
  const { width, height } = image
  return { photo: { width, height, format }, faces, scored, stages: { decodeMs, detectMs, alignMs, diffiqaRMs } }
}

function cutOut(image: RgbImage, face: Face): Omit<ScoredFace, 'fast'> {
  const aligned = align(image, face)
  return { aligned, measures: measure(image, aligned) }
}

async function crop({ bytes, maxPixels, faces }: CropInput, { deadline }: TaskContext): Promise<AlignedFace[]> {
  const { image } = await decode(bytes, { maxPixels, deadline })
  return faces.map((face) => align(image, face))
}

/** The tasks of a worker, over networks that are ready. */
export function createTaskHandler(parts: ScorerParts): TaskHandler {
  return async ({ name, input }, context): Promise<TaskAnswer> => {
    switch (name) {
      case TASKS.assess: {
        const value = await assess(parts, input as AssessInput, context)
        return { value, transfer: buffersOf(value.scored) }
      }
      case TASKS.crop: {
        const value = await crop(input as CropInput, context)
        return { value, transfer: value.map(({ pixels }) => pixels.buffer as ArrayBuffer) }
      }
      case TASKS.full: {
        const { aligned } = input as FullInput
        const { score, measures } = await parts.diffiqa.assess(aligned, { cancelled: context.cancelled })
        return { value: { full: score, measures } satisfies FullAnswer }
      }
      case TASKS.prepare: {
        const { aligned } = input as FullInput
        const value = await parts.diffiqa.prepare(aligned, { cancelled: context.cancelled })
        return { value: value satisfies PrepareAnswer }
      }
      case TASKS.explain: {
        const value = await parts.diffiqa.explain(input as ExplainInput, { cancelled: context.cancelled })
        return { value, transfer: picturesOf(value) }
      }
      case TASKS.warmUp:
        return { value: parts.warmUp }
      default:
        throw new DiffiqaError('scoring-failed', `A scoring worker knows no task "${name}"`)
    }
  }
}

/** A grey square: no face, but the networks do not mind. */
const DUMMY: AlignedFace = {
  pixels: new Uint8Array(112 * 112 * 3).fill(128),
  transform: [1, 0, 0, 0, 1, 0],
  residual: 0,
  face: {
    box: { x: 0, y: 0, width: 112, height: 112 },
    confidence: 1,
    landmarks: [
      { x: 38, y: 52 },
      { x: 74, y: 52 },
      { x: 56, y: 72 },
      { x: 42, y: 92 },
      { x: 71, y: 92 },
    ],
    interEyeDistance: 36,
    pose: { yaw: 0, pitch: 0, roll: 0 },
  },
}

/** How often code has to run until the engine has compiled it. */
const WARM_UP_RUNS = 5

/** Everything the fast look does, on a grey photo: the first person in front of the camera should not wait for the compiler. */
async function warm(detector: Detector, regressor: Regressor): Promise<void> {
  const side = 320
  const grey: RgbImage = { width: side, height: side, data: new Uint8Array(side * side * 3).fill(128) }
  await detector.detect(grey)
  for (let run = 0; run < WARM_UP_RUNS; run++) await regressor.score([cutOut(grey, DUMMY.face).aligned])
}

/**
 * Load the networks of a models folder, let each prove itself, and run a dummy face through all of them.
 * @param port - to the thread that runs the networks in `remote`
 * @throws DiffiqaError `model-missing`, `model-integrity`, `model-incompatible`, `native-module-missing`, `inference-unavailable`.
 */
export async function openScorer(
  { modelsDir, preset, remote, calibration }: ScorerData,
  port?: MessagePort,
): Promise<Scorer> {
  const store = await ModelStore.open(modelsDir === undefined ? {} : { modelsDir })
  try {
    const loadMs = {} as Record<ModelName, number>
    const tensors = port && new TensorPort(port)
    const isRemote = (name: ModelName) => remote.some((far) => far === name)
    const session = async (name: ModelName): Promise<TensorModel> =>
      tensors && isRemote(name) ? tensors.model(name as RemoteModelName) : store.session(name)
    for (const name of MODEL_NAMES) {
      const lap = stopwatch()
      await session(name)
      loadMs[name] = lap()
    }
    // The others have proven themselves to the thread that has the connections.
    await store.selfTest(MODEL_NAMES.filter((name) => !isRemote(name)))
    const detector = createDetector(await session('detector'))
    const manifest = calibrated(store.manifest, calibration)
    const regressor = createRegressor(await session('regressor'), manifest)
    const [embedder, denoiser] = await Promise.all([session('embedder'), session('denoiser')])
    const diffiqa = createDiffiqa({
      embedder,
      denoiser,
      // Weights that were fitted for another E mean nothing with this one; `explain` shows the package's own view then.
      manifest: calibration?.quality === 'matcher' ? store.manifest : manifest,
      preset,
    })
    await warm(detector, regressor)
    // The first run also reserves memory; the second is what a full score takes.
    await diffiqa.assess(DUMMY)
    const lap = stopwatch()
    await diffiqa.assess(DUMMY)
    const warmUp: WarmUpAnswer = { loadMs, fullMs: lap() }
    const inner = createTaskHandler({ detector, regressor, diffiqa, warmUp })
    const handle: TaskHandler = (task, context) => {
      if (tensors) tensors.deadline = context.deadline
      return inner(task, context)
    }
    return { handle, close: () => store.close() }
  } catch (error) {
    await store.close()
    throw error
  }
}
