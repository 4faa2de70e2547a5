import { DiffiqaError } from '../errors.ts'
import { checkOptions } from '../inference/backend-options.ts'
import { embeddingMatcher, type GalleryMatcher } from './embedding-matcher.ts'
import { describeWithFaceApi, type FaceApiLike } from './face-api-face.ts'
import { MemoryGallery } from './gallery.ts'
import { SerialQueue } from './serial-queue.ts'

export interface FaceApiMatcherOptions {
  /** Where the people are kept. @default a new, empty one */
  readonly gallery?: MemoryGallery
  /** Name of the embeddings in the gallery: change it when you load other weights. @default 'face-api-recognition' */
  readonly modelId?: string
  /** Metric label. @default 'face-api' */
  readonly name?: string
  /**
   * `new faceapi.TinyFaceDetectorOptions()` or another options object of its detectors. @default SSD MobileNet from 0.1 on
   */
  readonly detector?: object
  /** Use `faceLandmark68TinyNet`. @default false */
  readonly tinyLandmarks?: boolean
}

const OPTIONS = ['gallery', 'modelId', 'name', 'detector', 'tinyLandmarks'] as const

/** Mean distance of different people's photos in LFW. */
const IMPOSTOR_MEAN = 0.8

/** Low, since the gate has found the face already: with face-api's own 0.5 SSD MobileNet misses about one good close-up in ten. */
const MIN_CONFIDENCE = 0.1

/** The default distance of face-api's FaceMatcher; a smaller one is a match. */
const THRESHOLD = 0.6

/**
 * Wrap @vladmandic/face-api or face-api.js: it describes each face, the gallery keeps the descriptors. Scores are Euclidean distances, 0 and up;
 * below 0.6 is a match, as in face-api's own FaceMatcher. `source.answer` is face-api's result with `detection`, `landmarks` and `descriptor`,
 * `source.matcherQuality` its detector's score.
 *
 * face-api computes on the calling thread and cannot be aborted: a call that is aborted while it waits is not begun, a detection that has
 * begun ends by itself. One photo is worked on at a time, to keep its memory bounded.
 *
 * Methods throw DiffiqaError `no-face` when face-api finds none, `matcher-invalid-answer` when there is no descriptor, the gallery's errors,
 * and what face-api throws, as it is.
 * @throws DiffiqaError `invalid-option` naming the field, `embedding-mismatch`.
 */
export function faceApi(api: FaceApiLike, options: FaceApiMatcherOptions = {}): GalleryMatcher {
  requireFaceApi(api)
  checkOptions(options, OPTIONS, {})
  const { gallery = new MemoryGallery(), modelId = 'face-api-recognition', name = 'face-api' } = options
  const detector = options.detector ?? new api.SsdMobilenetv1Options({ minConfidence: MIN_CONFIDENCE })
  const how = { detector, tinyLandmarks: options.tinyLandmarks ?? false }
  const queue = new SerialQueue()

  return embeddingMatcher({
    name,
    scale: {
      direction: 'distance',
      min: 0,
      max: Number.POSITIVE_INFINITY,
      impostorMean: IMPOSTOR_MEAN,
      defaultThreshold: THRESHOLD,
    },
    calibration: modelId === 'face-api-recognition' ? 'face-api' : undefined,
    gallery,
    modelId,
    compare: (a, b) => api.euclideanDistance(a.embedding, b.embedding),
    embed: (probe, signal) => queue.run(() => describeWithFaceApi(api, how, probe), signal),
  })
}

function requireFaceApi(api: FaceApiLike): void {
  const usable =
    typeof api?.detectAllFaces === 'function' &&
    typeof api.extractFaceTensors === 'function' &&
    typeof api.euclideanDistance === 'function' &&
    typeof api.SsdMobilenetv1Options === 'function' &&
    typeof api.nets?.faceRecognitionNet?.computeFaceDescriptor === 'function'
  if (!usable)
    throw new DiffiqaError('invalid-option', '`api` is not face-api: pass its namespace, `import * as faceapi`')
}
