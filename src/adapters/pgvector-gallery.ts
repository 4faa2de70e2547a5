import { DiffiqaError } from '../errors.ts'
import type { Vector } from './gallery.ts'
import type { SubjectId } from './matcher.ts'
import type { TableNames } from './pgvector-table.ts'

/** The part of a `pg` Pool (or Client) that is used. */
export interface PgLike {
  // biome-ignore lint/suspicious/noExplicitAny: pg's own row type.
  query(text: string, values: any[]): Promise<{ readonly rows: any[] }>
}

/** One answer of the database, handed on as `source`. */
export interface PgvectorRow {
  readonly subject: SubjectId
  /** Cosine, -1..1. */
  readonly score: number
  readonly quality: number | null
}

export interface GalleryModel {
  readonly modelId: string
  readonly dimension: number
}

const SIMILARITY = '1 - (embedding <=> $2::vector)'

/** The SQL of one tenant's gallery. What `pg` throws comes through as it is. */
export class PgvectorGallery {
  readonly #pool: PgLike
  readonly #names: TableNames
  readonly #tenant: string
  readonly #model: GalleryModel

  constructor(pool: PgLike, names: TableNames, tenant: string, model: GalleryModel) {
    this.#pool = pool
    this.#names = names
    this.#tenant = tenant
    this.#model = model
  }

  /**
   * Do these templates belong to this network? Asked before each comparison, since others may have filled the table meanwhile.
   * @returns whether the subject, or without one anybody, is enrolled.
   * @throws DiffiqaError `embedding-mismatch`, its details naming both models or both lengths.
   */
  async check(subject?: SubjectId): Promise<boolean> {
    const { templates, model } = this.#names
    const rows = await this.#query(
      `select model, dimension, exists (select from ${templates} where tenant = $1 and ($2::text is null or subject = $2)) as known from ${model}`,
      [this.#tenant, subject ?? null],
    )
    const { modelId, dimension } = this.#model
    const stored: { model: string | null; dimension: number; known: boolean } | undefined = rows[0]
    if (!stored) throw new DiffiqaError('invalid-option', 'The table of the model is empty: run the migration')
    if (stored.dimension !== dimension)
      throw new DiffiqaError(
        'embedding-mismatch',
        `The gallery holds embeddings of ${stored.dimension} numbers, the model gives ${dimension}`,
        { details: { galleryLength: stored.dimension, modelLength: dimension } },
      )
    if (stored.model !== null && stored.model !== modelId) throw otherModel(stored.model, modelId)
    return stored.known
  }

  /** Best first. */
  async search(vector: Vector, limit: number): Promise<PgvectorRow[]> {
    const { templates } = this.#names
    const values = [this.#tenant, toText(vector), limit]
    const columns = `subject, quality, ${SIMILARITY} as score`
    const best = await this.#rows(
      `select ${columns} from ${templates} where tenant = $1 order by embedding <=> $2::vector limit $3`,
      values,
    )
    // The index stops after `hnsw.ef_search` rows of all tenants; when too few of them are this tenant's, all of the tenant's are read.
    if (best.length >= limit) return best
    return this.#rows(
      `with own as materialized (select subject, quality, embedding from ${templates} where tenant = $1)
       select ${columns} from own order by embedding <=> $2::vector limit $3`,
      values,
    )
  }

  /** @throws DiffiqaError `subject-unknown`. */
  async compare(vector: Vector, subject: SubjectId): Promise<PgvectorRow> {
    const [row] = await this.#rows(
      `select subject, quality, ${SIMILARITY} as score from ${this.#names.templates} where tenant = $1 and subject = $3`,
      [this.#tenant, toText(vector), subject],
    )
    if (!row) throw new DiffiqaError('subject-unknown')
    return row
  }

  /**
   * One statement, so that a failure leaves nothing: the first enrolment binds the gallery to its network, and the foreign key refuses
   * templates of any other.
   * @throws DiffiqaError `subject-exists`, `embedding-mismatch`.
   */
  async add(subject: SubjectId, vector: Vector, quality: number | undefined): Promise<unknown> {
    const { templates, model } = this.#names
    const { modelId } = this.#model
    try {
      const rows = await this.#query(
        `with bound as (update ${model} set model = $3 where model is null)
         insert into ${templates} (tenant, subject, model, embedding, quality) values ($1, $2, $3, $4::vector, $5)
         on conflict do nothing returning tenant, subject, model, quality, enrolled_at`,
        [this.#tenant, subject, modelId, toText(vector), quality ?? null],
      )
      if (rows.length === 0) throw new DiffiqaError('subject-exists')
      return rows[0]
    } catch (error) {
      const FOREIGN_KEY_VIOLATION = '23503'
      if ((error as { code?: unknown }).code === FOREIGN_KEY_VIOLATION) throw otherModel(undefined, modelId, error)
      throw error
    }
  }

  /** @throws DiffiqaError `subject-unknown`. */
  async remove(subject: SubjectId): Promise<void> {
    const rows = await this.#query(
      `delete from ${this.#names.templates} where tenant = $1 and subject = $2 returning subject`,
      [this.#tenant, subject],
    )
    if (rows.length === 0) throw new DiffiqaError('subject-unknown')
  }

  /** Remove a person whom {@link add} may have enrolled although its answer was lost; one whom another enrolled meanwhile stays. */
  async takeBack(subject: SubjectId, vector: Vector): Promise<void> {
    await this.#query(
      `delete from ${this.#names.templates} where tenant = $1 and subject = $2 and embedding = $3::vector returning subject`,
      [this.#tenant, subject, toText(vector)],
    )
  }

  async #rows(text: string, values: unknown[]): Promise<PgvectorRow[]> {
    const rows = await this.#query(text, values)
    // No score is no number; `Number(null)` would be one.
    return rows.map((row) => ({ ...row, score: Math.max(-1, Math.min(1, Number(row.score ?? Number.NaN))) }))
  }

  /** @throws DiffiqaError `matcher-invalid-answer`: what was given for a pool is something else. */
  // biome-ignore lint/suspicious/noExplicitAny: pg's own row type.
  async #query(text: string, values: unknown[]): Promise<any[]> {
    const { rows } = (await this.#pool.query(text, values)) ?? {}
    if (Array.isArray(rows)) return rows
    throw new DiffiqaError('matcher-invalid-answer', 'The database answered without rows')
  }
}

/** What the input function of the type `vector` reads. */
const toText = ({ embedding }: Vector): string => `[${embedding.join(',')}]`

function otherModel(galleryModel: string | undefined, model: string, cause?: unknown): DiffiqaError {
  return new DiffiqaError('embedding-mismatch', 'The gallery was filled by another model; enrol its people again', {
    details: { ...(galleryModel !== undefined && { galleryModel }), model },
    cause,
  })
}
