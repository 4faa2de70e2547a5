import { DiffiqaError, type ErrorCode } from '../errors.ts'
import { checkKeys, invalidOption } from '../gate/check-keys.ts'
import { type Embedded, embeddingMatcher, type GalleryMatcher } from './embedding-matcher.ts'
import { cosine, type EmbeddingLike, MemoryGallery } from './gallery.ts'
import { type HttpRefusal, httpClient } from './http-client.ts'
import { type HttpServiceOptions, readService, type ScaleNumbers } from './http-options.ts'
import type { Comparison, Probe } from './matcher.ts'
import type { RatedSource } from './rated-source.ts'
import { withCodes } from './sdk-error.ts'

export interface DeepFaceOptions extends HttpServiceOptions {
  /** DeepFace's name of the network. @default 'VGG-Face', which is DeepFace's own default */
  readonly model?: string
  /** DeepFace's name of the detector. @default 'opencv', which is DeepFace's own default */
  readonly detector?: string
  /** Cosine distances of this network. @default DeepFace's threshold, and an assumed mean of twice that, 1 at most */
  readonly scale?: ScaleNumbers
  /** Where the people are kept: the service keeps nobody. @default a new, empty one */
  readonly gallery?: MemoryGallery
  /** Metric label. @default 'deepface' */
  readonly name?: string
}

/** How sure DeepFace is that the probe shows a face, 0..1. */
export interface DeepFaceMatcherQuality {
  readonly faceConfidence: number | undefined
}

/** `source` of what the adapter answers; `answer` is one of DeepFace's `results`, or its whole answer about two photos. */
export type DeepFaceSource = RatedSource<unknown, DeepFaceMatcherQuality>

const OPTIONS = ['url', 'headers', 'timeoutMs', 'model', 'detector', 'scale', 'gallery', 'name']

/** DeepFace's own thresholds of the cosine distance. */
const THRESHOLDS: Readonly<Record<string, number>> = {
  'VGG-Face': 0.68,
  Facenet: 0.4,
  Facenet512: 0.3,
  ArcFace: 0.68,
  Dlib: 0.07,
  SFace: 0.593,
  OpenFace: 0.1,
  DeepFace: 0.23,
  DeepID: 0.015,
  GhostFaceNet: 0.65,
  Buffalo_L: 0.55,
}

/**
 * Use the API server of DeepFace: it embeds each face (`/represent`), the gallery keeps the embeddings; two photos are compared by `/verify`.
 * Scores are cosine distances, 0..2, below the network's threshold a match.
 *
 * Each photo is sent as the face cut out of it, always as a `data:` URL: DeepFace takes any other string for a path or an address.
 * Requests are not retried; the signal ends them.
 *
 * Methods throw DiffiqaError `no-face`, `gallery-empty`, `subject-exists`, `subject-unknown`, `invalid-subject`, `embedding-mismatch`,
 * `invalid-embedding`, `matcher-unauthorised`, `matcher-throttled`, `matcher-unreachable`, `matcher-timeout`, `matcher-failed` and
 * `matcher-invalid-answer`.
 * @throws DiffiqaError `invalid-option` naming the field, `embedding-mismatch`.
 */
export function deepface(options: DeepFaceOptions): GalleryMatcher {
  checkKeys('', options, OPTIONS)
  const { model = 'VGG-Face', detector = 'opencv', gallery = new MemoryGallery(), name = 'deepface' } = options
  const { impostorMean, defaultThreshold } = scaleOf(model, options.scale)
  const ask = httpClient({ name: 'DeepFace', ...readService(options), error: readRefusal })
  const settings = { model_name: model, detector_backend: detector, enforce_detection: true, align: true }

  const matcher = embeddingMatcher({
    name,
    scale: { direction: 'distance', min: 0, max: 2, impostorMean, defaultThreshold },
    calibration: undefined,
    gallery,
    modelId: `deepface-${model}`,
    compare: (a, b) => 1 - cosine(a, b),
    async embed(probe, signal): Promise<Embedded> {
      const json = { ...settings, img: await dataUrl(probe), max_faces: 1 }
      const { results } = (await ask({ path: ['represent'], json }, signal)) as { results?: readonly Representation[] }
      const [face] = Array.isArray(results) ? results : []
      if (!face) throw invalid('results')
      const source: DeepFaceSource = { answer: face, matcherQuality: { faceConfidence: face.face_confidence } }
      return { embedding: face.embedding, source }
    },
  })

  async function comparePhotos(a: Probe, b: Probe, signal: AbortSignal | undefined): Promise<Comparison> {
    const json = { ...settings, img1: await dataUrl(a), img2: await dataUrl(b), distance_metric: 'cosine' }
    const answer = (await ask({ path: ['verify'], json }, signal)) as { distance?: unknown } | undefined
    if (typeof answer?.distance !== 'number') throw invalid('distance')
    const source: DeepFaceSource = { answer, matcherQuality: { faceConfidence: undefined } }
    return { score: answer.distance, source }
  }

  return withCodes<GalleryMatcher>({
    ...matcher,
    verify: async (probe, reference, { signal }) =>
      'probe' in reference
        ? comparePhotos(probe, reference.probe, signal)
        : matcher.verify(probe, reference, signal ? { signal } : {}),
  })
}

interface Representation {
  readonly embedding: EmbeddingLike
  readonly face_confidence?: number
}

const dataUrl = async (probe: Probe): Promise<string> =>
  `data:image/jpeg;base64,${Buffer.from(await probe.jpeg()).toString('base64')}`

/** DeepFace answers 400 for everything that goes wrong; only its text tells. */
function readRefusal({ status, body }: HttpRefusal): ErrorCode | undefined {
  const text = String(body?.error ?? body?.exception ?? '')
  return status === 400 && /face could not be detected|no face/i.test(text) ? 'no-face' : undefined
}

function scaleOf(model: string, given: ScaleNumbers | undefined): ScaleNumbers {
  if (typeof model !== 'string' || model === '') throw invalidOption('model', '`model` must be the name of a network')
  if (given) return given
  const threshold = Object.hasOwn(THRESHOLDS, model) ? THRESHOLDS[model] : undefined
  if (threshold === undefined)
    throw invalidOption('scale', `\`scale\` is needed for ${model}: no threshold of it is known`)
  return { defaultThreshold: threshold, impostorMean: Math.min(1, 2 * threshold) }
}

const invalid = (field: string): DiffiqaError =>
  new DiffiqaError('matcher-invalid-answer', `DeepFace's answer has no ${field}`)
