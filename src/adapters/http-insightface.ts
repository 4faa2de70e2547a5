import { DiffiqaError } from '../errors.ts'
import type { AlignedFace } from '../face/types.ts'
import { checkKeys, checkNumber, invalidOption } from '../gate/check-keys.ts'
import { embeddingMatcher, type GalleryMatcher } from './embedding-matcher.ts'
import { cosine, type EmbeddingLike, MemoryGallery } from './gallery.ts'
import { httpClient } from './http-client.ts'
import { type HttpServiceOptions, readService, type ScaleNumbers } from './http-options.ts'
import type { CallOptions } from './matcher.ts'
import { INPUT_SIDE } from './onnx-input.ts'
import type { RatedSource } from './rated-source.ts'
import { withCodes } from './sdk-error.ts'

export interface InsightFaceRestOptions extends HttpServiceOptions {
  /** Which recognition network the server runs (its `REC_NAME`): embeddings of different ids are never compared. */
  readonly modelId: string
  /** Cosines of this network: mean of different people, and the threshold. */
  readonly scale: ScaleNumbers
  /** Numbers per embedding. @default 512 */
  readonly dimension?: number
  /** Where the people are kept: the service keeps nobody. @default a new, empty one */
  readonly gallery?: MemoryGallery
  /** Metric label. @default 'insightface-rest' */
  readonly name?: string
}

/** Length of the embedding before it was scaled to 1: it falls with the photo's quality in most networks. */
export interface InsightFaceMatcherQuality {
  readonly norm: number | undefined
}

/** `source` of what the adapter answers. */
export type InsightFaceSource = RatedSource<unknown, InsightFaceMatcherQuality>

/** It embeds too, so `pgvector()` takes it as its embedder. */
export interface InsightFaceRestMatcher extends GalleryMatcher {
  readonly modelId: string
  readonly dimension: number
  embed(faces: readonly AlignedFace[], options: CallOptions): Promise<Float32Array[]>
}

const OPTIONS = ['url', 'headers', 'timeoutMs', 'modelId', 'scale', 'dimension', 'gallery', 'name']

/**
 * Use InsightFace-REST as the embedder, with a gallery in memory or, through `pgvector()`, in PostgreSQL. Scores are cosines, −1..1.
 *
 * The server gets the 112×112 crop that the gate judged, and does not look for faces itself (`embed_only`). Requests are not retried; the
 * signal ends them.
 *
 * Methods throw DiffiqaError `gallery-empty`, `subject-exists`, `subject-unknown`, `invalid-subject`, `embedding-mismatch`,
 * `invalid-embedding`, `matcher-unauthorised`, `matcher-throttled`, `matcher-unreachable`, `matcher-timeout`, `matcher-failed` and
 * `matcher-invalid-answer`.
 * @throws DiffiqaError `invalid-option` naming the field, `embedding-mismatch`.
 */
export function insightFaceRest(options: InsightFaceRestOptions): InsightFaceRestMatcher {
  checkKeys('', options, OPTIONS)
  const { modelId, scale, dimension = 512, gallery = new MemoryGallery(), name = 'insightface-rest' } = options
  if (typeof modelId !== 'string' || modelId === '')
    throw invalidOption('modelId', '`modelId` must name the network that the server runs')
  checkNumber('dimension', dimension, { min: 1, max: 65_536, integer: true })
  const ask = httpClient({ name: 'InsightFace-REST', ...readService(options) })

  const extract = async (faces: readonly AlignedFace[], signal: AbortSignal | undefined): Promise<Extracted[]> => {
    if (faces.length === 0) return []
    const data = await Promise.all(faces.map(async (face) => Buffer.from(await png(face)).toString('base64')))
    const wanted = { embed_only: true, extract_embedding: true, extract_ga: false, detect_masks: false }
    const answer = await ask({ path: ['extract'], json: { images: { data }, ...wanted } }, signal)
    const found = readFaces(answer)
    if (found.length !== faces.length) throw invalid('one face for each photo')
    for (const { vec } of found)
      if (vec.length !== dimension)
        throw new DiffiqaError(
          'embedding-mismatch',
          `The model gave ${vec.length} numbers and is said to give ${dimension}`,
          {
            details: { modelLength: vec.length, expectedLength: dimension },
          },
        )
    return found
  }

  const matcher = embeddingMatcher({
    name,
    scale: { direction: 'similarity', min: -1, max: 1, ...scale },
    calibration: undefined,
    gallery,
    modelId,
    compare: cosine,
    async embed(probe, signal) {
      const [face] = await extract([probe.aligned], signal)
      const source: InsightFaceSource = { answer: face, matcherQuality: { norm: face?.norm } }
      return { embedding: face?.vec as EmbeddingLike, source }
    },
  })
  return withCodes({
    ...matcher,
    modelId,
    dimension,
    embed: async (faces: readonly AlignedFace[], { signal }: CallOptions) =>
      (await extract(faces, signal)).map(({ vec }) => Float32Array.from(vec)),
  })
}

interface Extracted {
  readonly vec: EmbeddingLike
  readonly norm?: number
}

/** Newer servers answer `{ data: [{ status, faces }] }`, older ones a list of faces per photo. */
function readFaces(answer: unknown): Extracted[] {
  const photos = Array.isArray(answer) ? answer : (answer as { data?: unknown } | undefined)?.data
  if (!Array.isArray(photos)) throw invalid('data')
  return photos.map((photo) => {
    const [face] = Array.isArray(photo) ? photo : (photo?.faces ?? [])
    if (!Array.isArray(face?.vec)) throw invalid('vec')
    return face
  })
}

async function png({ pixels }: AlignedFace): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp')
  return sharp(pixels, { raw: { width: INPUT_SIDE, height: INPUT_SIDE, channels: 3 } })
    .png()
    .toBuffer()
}

const invalid = (field: string): DiffiqaError =>
  new DiffiqaError('matcher-invalid-answer', `InsightFace-REST's answer has no ${field}`)
