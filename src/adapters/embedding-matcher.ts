import { DiffiqaError } from '../errors.ts'
import { defineAdapter } from './define-adapter.ts'
import {
  type Comparator,
  type EmbeddingLike,
  type MemoryGallery,
  requireEmbedding,
  requireSameLength,
  type Template,
} from './gallery.ts'
import type { Candidate, CompleteMatcher, EmbeddingAccess, Probe, ScoreScale } from './matcher.ts'
import { orAbort } from './or-abort.ts'
import { withCodes } from './sdk-error.ts'
import { requireSubject } from './subject.ts'

/** What an embedding network says about one probe. */
export interface Embedded {
  readonly embedding: EmbeddingLike
  /** The SDK's own object, handed on as `source`. */
  readonly source: unknown
}

export interface EmbeddingMatcherOptions {
  readonly name: string
  readonly scale: ScoreScale
  readonly calibration: string | undefined
  readonly gallery: MemoryGallery
  readonly modelId: string
  /** The score of two embeddings, on the scale given. */
  readonly compare: Comparator
  embed(probe: Probe, signal: AbortSignal | undefined): Promise<Embedded>
}

/** A matcher over a gallery in memory. */
export type GalleryMatcher = CompleteMatcher & {
  readonly gallery: MemoryGallery
  readonly modelId: string
  readonly embeddings: EmbeddingAccess
}

/**
 * One network and one gallery make a matcher. Enrolment ends in one synchronous step, so an abort leaves nothing half done. An aborted call
 * ends at once, also where the network does not listen.
 */
export function embeddingMatcher(options: EmbeddingMatcherOptions): GalleryMatcher {
  const { name, scale, calibration, gallery, modelId, compare } = options
  gallery.requireModel(modelId)
  const embed = (probe: Probe, signal: AbortSignal | undefined): Promise<Embedded> =>
    orAbort(() => options.embed(probe, signal), signal)
  // The gallery sorts by similarity.
  const sign = scale.direction === 'similarity' ? 1 : -1

  function search(embedding: EmbeddingLike, limit: number, source: unknown): Candidate[] {
    return gallery.search(embedding, { modelId, limit, compare: (a, b) => sign * compare(a, b) }).map(
      ({ template, score }): Candidate => ({
        subject: template.subject,
        score: sign * score,
        ...referenceQuality(template),
        source,
      }),
    )
  }

  const matcher = defineAdapter<GalleryMatcher>({
    name,
    scale,
    ...(calibration !== undefined && { calibration }),
    gallery,
    modelId,

    async identify(probe, { limit, signal }) {
      if (gallery.size === 0) throw new DiffiqaError('gallery-empty')
      const { embedding, source } = await embed(probe, signal)
      return search(embedding, limit, source)
    },

    async verify(probe, reference, { signal }) {
      const template = 'subject' in reference ? gallery.get(reference.subject) : undefined
      const { embedding, source } = await embed(probe, signal)
      const vector = requireEmbedding(embedding)
      if (template) gallery.requireModel(modelId, vector.embedding.length)
      const other = template ?? requireEmbedding((await embed((reference as { probe: Probe }).probe, signal)).embedding)
      return { score: compare(...requireSameLength(vector, other)), ...referenceQuality(template), source }
    },

    async enrol(subject, probe, { signal, quality }) {
      requireSubject(subject)
      gallery.requireAbsent(subject)
      const { embedding, source } = await embed(probe, signal)
      signal?.throwIfAborted()
      gallery.add(subject, embedding, quality === undefined ? { modelId } : { modelId, quality })
      return { subject, source }
    },

    async remove(subject) {
      gallery.remove(subject)
    },

    embeddings: {
      describe: async (probe, { signal }) => requireEmbedding((await embed(probe, signal)).embedding).embedding,
      compare: (a, b) => compare(...requireSameLength(requireEmbedding(a), requireEmbedding(b))),
      async search(embedding, { limit }) {
        if (gallery.size === 0) throw new DiffiqaError('gallery-empty')
        return search(embedding, limit, undefined)
      },
    },
  })
  return withCodes(matcher)
}

function referenceQuality(template: Template | undefined): { referenceQuality?: number } {
  return template?.quality === undefined ? {} : { referenceQuality: template.quality }
}
