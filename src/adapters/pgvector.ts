import { DiffiqaError } from '../errors.ts'
import type { AlignedFace } from '../face/types.ts'
import { checkOptions } from '../inference/backend-options.ts'
import { defineAdapter } from './define-adapter.ts'
import { cosine, requireEmbedding, requireSameLength, type Vector } from './gallery.ts'
import type {
  CallOptions,
  Candidate,
  Comparison,
  CompleteMatcher,
  EmbeddingAccess,
  IdentifyOptions,
  Matcher,
  Probe,
  ScoreScale,
} from './matcher.ts'
import { orAbort } from './or-abort.ts'
import { readPgError } from './pgvector-error.ts'
import { type GalleryModel, type PgLike, PgvectorGallery, type PgvectorRow } from './pgvector-gallery.ts'
import { requireTenant, tableNames } from './pgvector-table.ts'
import { matcherError, withCodes } from './sdk-error.ts'
import { isUnclear } from './sole-enrolment.ts'
import { requireSubject } from './subject.ts'

/** An embedding network: `onnxMatcher()` is one. */
export interface PgvectorEmbedder extends GalleryModel {
  /** Names the network; embeddings of different ids are never compared. */
  readonly modelId: string
  /** Numbers per embedding. */
  readonly dimension: number
  embed(faces: readonly AlignedFace[], options: CallOptions): Promise<Float32Array[]>
  /** Cosines of this network. */
  readonly scale?: ScoreScale
  readonly calibration?: string
}

export interface PgvectorMatcherOptions {
  /** The name given to `pgvectorMigration()`. @default 'face_templates' */
  readonly table?: string
  /** Whose people these are; those of other tenants are never seen. @default '' */
  readonly tenant?: string
  /** Cosines of the network: mean of different people, and the threshold. @default the embedder's own scale */
  readonly scale?: Pick<ScoreScale, 'impostorMean' | 'defaultThreshold'>
  /** Metric label. @default 'pgvector' */
  readonly name?: string
}

export type PgvectorMatcher = CompleteMatcher &
  Required<Pick<Matcher, 'embed'>> & {
    readonly modelId: string
    readonly embeddings: EmbeddingAccess
  }

/**
 * People kept in PostgreSQL with pgvector, in the tables of `pgvectorMigration()`. Scores are cosines, −1..1; `source` is the row.
 *
 * Before each comparison the table is asked which network filled it. `pg` cannot be aborted: an aborted call ends at once, a statement that
 * has begun ends by itself, and a person whom it still enrols is removed again.
 *
 * Methods throw DiffiqaError `embedding-mismatch` (another network, another length), `invalid-embedding`, `gallery-empty`, `gallery-missing`,
 * `subject-exists`, `subject-unknown`, `invalid-subject`, `matcher-unauthorised`, `matcher-throttled`, `matcher-unreachable`, `matcher-timeout`
 * and `matcher-failed` (their `cause` is what `pg` threw), and what the embedder throws.
 * @param pool A `pg` Pool, or anything with its `query(text, values)`.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function pgvector(
  pool: PgLike,
  embedder: PgvectorEmbedder,
  options: PgvectorMatcherOptions = {},
): PgvectorMatcher {
  checkOptions(options, ['table', 'tenant', 'scale', 'name'], {})
  requireParts(pool, embedder)
  const { modelId, dimension } = embedder
  const { name = 'pgvector' } = options
  const gallery = new PgvectorGallery(pool, tableNames(options.table), requireTenant(options.tenant ?? ''), {
    modelId,
    dimension,
  })

  function requireVector(embedding: unknown): Vector {
    const vector = requireEmbedding(embedding)
    if (vector.embedding.length !== dimension)
      throw new DiffiqaError(
        'embedding-mismatch',
        `The model gave ${vector.embedding.length} numbers and is said to give ${dimension}`,
        { details: { modelLength: vector.embedding.length, expectedLength: dimension } },
      )
    return vector
  }
  async function embed(probe: Probe, signal: AbortSignal | undefined): Promise<Vector> {
    const [embedding] = await embedder.embed([probe.aligned], signal ? { signal } : {})
    const vector = requireVector(embedding)
    signal?.throwIfAborted()
    return vector
  }
  async function search(vector: Vector, { limit, signal }: IdentifyOptions): Promise<Candidate[]> {
    const rows = await query(() => gallery.search(vector, limit), signal)
    return rows.map((row): Candidate => ({ subject: row.subject, ...scored(row) }))
  }
  async function requireSomebody(signal: AbortSignal | undefined): Promise<void> {
    if (!(await query(() => gallery.check(), signal))) throw new DiffiqaError('gallery-empty')
  }

  const matcher = defineAdapter<PgvectorMatcher>({
    name,
    ...scaleOf(embedder, options.scale),

    modelId,

    async identify(probe, options) {
      await requireSomebody(options.signal)
      return search(await embed(probe, options.signal), options)
    },

    async verify(probe, reference, { signal }) {
      signal?.throwIfAborted()
      if ('probe' in reference) {
        const [a, b] = [await embed(probe, signal), await embed(reference.probe, signal)]
        return { score: cosine(a, b), source: undefined }
      }
      requireSubject(reference.subject)
      const { subject } = reference
      if (!(await query(() => gallery.check(subject), signal))) throw new DiffiqaError('subject-unknown')
      const vector = await embed(probe, signal)
      return scored(await query(() => gallery.compare(vector, subject), signal))
    },

    async enrol(subject, probe, { signal, quality }) {
      requireSubject(subject)
      if (await query(() => gallery.check(subject), signal)) throw new DiffiqaError('subject-exists')
      const vector = await embed(probe, signal)
      const added = gallery.add(subject, vector, quality)
      try {
        return { subject, source: await query(() => added, signal) }
      } catch (error) {
        const takeBack = (): Promise<void> => gallery.takeBack(subject, vector).catch(() => {})
        // After an abort the statement ends by itself; what it adds is taken back, which nobody waits for.
        if (signal?.aborted) added.then(takeBack, takeBack)
        else if (isUnclear(matcherError(name, error, readPgError))) await takeBack()
        throw error
      }
    },

    async remove(subject, { signal }) {
      requireSubject(subject)
      await query(() => gallery.remove(subject), signal)
    },

    embed: (faces, callOptions) => embedder.embed(faces, callOptions),

    embeddings: {
      describe: async (probe, { signal }) => (await embed(probe, signal)).embedding,
      compare: (a, b) => cosine(...requireSameLength(requireVector(a), requireVector(b))),
      async search(embedding, options) {
        const vector = requireVector(embedding)
        await requireSomebody(options.signal)
        return search(vector, options)
      },
    },
  })
  return withCodes(matcher, readPgError)
}

/** `pg` has no signal of its own: an abort ends the wait. */
const query = orAbort

function scored(row: PgvectorRow): Comparison {
  return { score: row.score, ...(row.quality !== null && { referenceQuality: row.quality }), source: row }
}

/** A scale of one's own makes the embedder's fitted down-weighting void. */
function scaleOf(
  embedder: PgvectorEmbedder,
  own: PgvectorMatcherOptions['scale'],
): { readonly scale: ScoreScale; readonly calibration?: string } {
  const given = own ?? embedder.scale
  if (!given) throw invalid('scale', 'is needed: the embedder brings none')
  if (!own && embedder.scale?.direction !== 'similarity') throw invalid('scale', 'must be given in cosines')
  const { impostorMean, defaultThreshold } = given
  return {
    scale: { direction: 'similarity', min: -1, max: 1, impostorMean, defaultThreshold },
    ...(!own && embedder.calibration !== undefined && { calibration: embedder.calibration }),
  }
}

function requireParts(pool: PgLike, embedder: PgvectorEmbedder): void {
  if (typeof pool?.query !== 'function') throw invalid('pool', 'must have query(), as a Pool of `pg`')
  if (typeof embedder?.embed !== 'function') throw invalid('embedder', 'must have embed(), as `onnxMatcher()`')
  if (typeof embedder.modelId !== 'string' || embedder.modelId === '')
    throw invalid('embedder.modelId', 'must be a non-empty string')
  if (!Number.isSafeInteger(embedder.dimension) || embedder.dimension < 1)
    throw invalid('embedder.dimension', 'must be an integer of at least 1')
}

function invalid(field: string, problem: string): DiffiqaError {
  return new DiffiqaError('invalid-option', `\`${field}\` ${problem}`, { details: { option: field } })
}
