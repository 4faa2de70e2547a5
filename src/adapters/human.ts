import { DiffiqaError } from '../errors.ts'
import { checkOptions } from '../inference/backend-options.ts'
import { embeddingMatcher, type GalleryMatcher } from './embedding-matcher.ts'
import { MemoryGallery } from './gallery.ts'
import { describeFace, type HumanLike, type MakeTensor } from './human-face.ts'
import { SerialQueue } from './serial-queue.ts'

export interface HumanMatcherOptions {
  /** Where the people are kept. @default a new, empty one */
  readonly gallery?: MemoryGallery
  /** Name of the embeddings in the gallery: change it when Human runs another description model. @default 'human-faceres' */
  readonly modelId?: string
  /** Metric label. @default 'human' */
  readonly name?: string
  /**
   * Make Human's input of `height × width × 3` RGB bytes. @default `instance.tf.tensor(rgb, [height, width, 3], 'int32')`
   */
  readonly tensor?: MakeTensor
  /** Milliseconds after which a detection counts as failed; Human has no limit of its own. @default 15000 */
  readonly timeoutMs?: number
}

const OPTIONS = ['gallery', 'modelId', 'name', 'tensor', 'timeoutMs'] as const

/** Human's own defaults. All are passed each time: an options object with some of them drops the others (multiplier 20, min 0, max 1). */
const SIMILARITY = { order: 2, threshold: 0, multiplier: 25, min: 0.2, max: 0.8 }

/** Human's description model. */
const DEFAULT_MODEL = 'human-faceres'

/** Mean similarity of different people's good photos; the manifest's fitted value takes its place in `guard()`. */
const IMPOSTOR_MEAN = 0.2

/** Human keeps the boxes of its last detection in module variables across awaits, so two detections at once can mix up their faces. */
const detections = new SerialQueue()

/**
 * Wrap @vladmandic/human: it embeds each face, the gallery keeps the embeddings. Scores are `human.match.similarity()` with Human's defaults,
 * 0..1 in steps of 0.01, from 0.5 on a match. The adapter sets `cacheSensitivity: 0` on the instance, since Human's frame cache would
 * answer for one person with the face of another.
 *
 * Human computes on the calling thread and cannot be aborted: an aborted call is answered at once, the detection that has begun still ends.
 *
 * `source.answer` is Human's face result, `source.matcherQuality` what Human says of the photo.
 *
 * Methods throw DiffiqaError `no-face` when Human finds none, `matcher-failed` when it reports an error, `matcher-timeout` when it takes too
 * long, `matcher-invalid-answer` when a face has no embedding, and the gallery's errors.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function human(instance: HumanLike, options: HumanMatcherOptions = {}): GalleryMatcher {
  requireHuman(instance)
  checkOptions(options, OPTIONS, { timeoutMs: 1 })
  const { gallery = new MemoryGallery(), modelId = DEFAULT_MODEL, name = 'human', timeoutMs = 15_000 } = options
  const tensor = options.tensor ?? ((rgb, width, height) => instance.tf.tensor(rgb, [height, width, 3], 'int32'))

  return embeddingMatcher({
    name,
    scale: { direction: 'similarity', min: 0, max: 1, impostorMean: IMPOSTOR_MEAN, defaultThreshold: 0.5 },
    calibration: modelId === DEFAULT_MODEL ? 'human' : undefined,
    gallery,
    modelId,
    compare: (a, b) => instance.match.similarity([...a.embedding], [...b.embedding], SIMILARITY),
    embed: (probe, signal) =>
      detections.run(() => withTimeout(describeFace(instance, tensor, probe), timeoutMs), signal),
  })
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new DiffiqaError('matcher-timeout', `Human took more than ${timeoutMs} ms`)),
      timeoutMs,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function requireHuman(instance: HumanLike): void {
  if (typeof instance?.detect !== 'function' || typeof instance.match?.similarity !== 'function')
    throw new DiffiqaError('invalid-option', '`instance` is not a Human: it needs detect() and match.similarity()')
}
