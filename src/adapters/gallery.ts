import { DiffiqaError } from '../errors.ts'
import type { SubjectId } from './matcher.ts'
import { requireSubject } from './subject.ts'

/** A checked embedding. */
export interface Vector {
  /** As the network gave it, not scaled to unit length: some matchers compare more than its direction. Not to be changed. */
  readonly embedding: Float32Array
  /** Its Euclidean length, above 0. */
  readonly length: number
}

/** One enrolled person. */
export interface Template extends Vector {
  readonly subject: SubjectId
  /** Quality value of the enrolled photo, 0..1, when it is known. */
  readonly quality: number | undefined
}

export interface TemplateOptions {
  /** Which network made the embedding. */
  readonly modelId: string
  /** Quality value of the photo, 0..1. */
  readonly quality?: number
}

export interface GalleryMatch {
  readonly template: Template
  readonly score: number
}

/** Anything that holds numbers in order. */
export type EmbeddingLike = ArrayLike<number>

/**
 * Embeddings of one network in memory, one per person. It never mixes networks: the model id and the length of the first embedding are those
 * of the gallery for as long as anybody is enrolled. Every failure leaves it as it was.
 */
export class MemoryGallery {
  readonly #templates = new Map<SubjectId, Template>()
  readonly #fixedModelId: string | undefined
  #modelId: string | undefined
  #dimension: number | undefined

  /** @param options.modelId Refuse any other network from the start, also while the gallery is empty. */
  constructor(options: { readonly modelId?: string } = {}) {
    this.#fixedModelId = options.modelId
    this.#modelId = options.modelId
  }

  /** Number of people. */
  get size(): number {
    return this.#templates.size
  }

  /** The network whose embeddings these are; undefined while nobody is enrolled. */
  get modelId(): string | undefined {
    return this.#modelId
  }

  /** Numbers per embedding; undefined while nobody is enrolled. */
  get dimension(): number | undefined {
    return this.#dimension
  }

  has(subject: SubjectId): boolean {
    return this.#templates.has(subject)
  }

  /** @throws DiffiqaError `subject-unknown`. */
  get(subject: SubjectId): Template {
    const template = this.#templates.get(subject)
    if (!template) throw new DiffiqaError('subject-unknown')
    return template
  }

  /** Everybody, in the order of enrolment: for saving a gallery, and for filling another by `add()`. */
  [Symbol.iterator](): IterableIterator<Template> {
    return this.#templates.values()
  }

  /**
   * Would embeddings of this network fit?
   * @throws DiffiqaError `embedding-mismatch`, its details naming both models or both lengths.
   */
  requireModel(modelId: string, dimension?: number): void {
    if (this.#dimension !== undefined && dimension !== undefined && dimension !== this.#dimension)
      throw new DiffiqaError(
        'embedding-mismatch',
        `The gallery holds embeddings of ${this.#dimension} numbers, the model gives ${dimension}`,
        { details: { galleryLength: this.#dimension, modelLength: dimension } },
      )
    if (this.#modelId !== undefined && modelId !== this.#modelId)
      throw new DiffiqaError('embedding-mismatch', 'The gallery was filled by another model; enrol its people again', {
        details: { galleryModel: this.#modelId, model: modelId },
      })
  }

  /** @throws DiffiqaError `subject-exists`. */
  requireAbsent(subject: SubjectId): void {
    if (this.#templates.has(subject)) throw new DiffiqaError('subject-exists')
  }

  /**
   * Enrol one person; the numbers are copied.
   * @throws DiffiqaError `invalid-subject`, `subject-exists`, `invalid-embedding`, `embedding-mismatch`, `invalid-option` (quality outside 0..1).
   */
  add(subject: SubjectId, embedding: EmbeddingLike, options: TemplateOptions): Template {
    requireSubject(subject)
    this.requireAbsent(subject)
    const { quality } = options
    if (quality !== undefined && !(quality >= 0 && quality <= 1))
      throw new DiffiqaError('invalid-option', '`quality` must be a number from 0 to 1')
    if (typeof options.modelId !== 'string' || options.modelId === '')
      throw new DiffiqaError('invalid-option', '`modelId` must be a non-empty string')
    const vector = requireEmbedding(embedding)
    this.requireModel(options.modelId, vector.embedding.length)
    const template = Object.freeze({ subject, ...vector, quality })
    this.#templates.set(subject, template)
    this.#modelId = options.modelId
    this.#dimension = vector.embedding.length
    return template
  }

  /** @throws DiffiqaError `subject-unknown`. */
  remove(subject: SubjectId): void {
    if (!this.#templates.delete(subject)) throw new DiffiqaError('subject-unknown')
    if (this.#templates.size > 0) return
    this.#modelId = this.#fixedModelId
    this.#dimension = undefined
  }

  /**
   * The best matches, best first; those of equal score in the order of enrolment.
   * @param compare Similarity of an embedding to a template, higher is better. Default: their cosine.
   * @throws DiffiqaError `invalid-embedding`, `embedding-mismatch`.
   */
  search(
    embedding: EmbeddingLike,
    options: { readonly modelId: string; readonly limit: number; readonly compare?: Comparator },
  ): GalleryMatch[] {
    const vector = requireEmbedding(embedding)
    this.requireModel(options.modelId, vector.embedding.length)
    const compare = options.compare ?? cosine
    const matches: GalleryMatch[] = []
    for (const template of this.#templates.values()) matches.push({ template, score: compare(vector, template) })
    return matches.sort((a, b) => b.score - a.score).slice(0, options.limit)
  }
}

/** Similarity of two embeddings of one network, higher is better. */
export type Comparator = (a: Vector, b: Vector) => number

/** Cosine of the angle between two embeddings of the same length, -1..1. */
export const cosine: Comparator = (a, b) => {
  let dot = 0
  for (let i = 0; i < a.embedding.length; i++) dot += (a.embedding[i] as number) * (b.embedding[i] as number)
  return Math.max(-1, Math.min(1, dot / (a.length * b.length)))
}

/**
 * A copy of an embedding and its Euclidean length.
 * @throws DiffiqaError `invalid-embedding`: not an array of numbers, empty, with NaN or an infinity, or all zero.
 */
export function requireEmbedding(embedding: unknown): Vector {
  const isList = Array.isArray(embedding) || embedding instanceof Float32Array || embedding instanceof Float64Array
  if (!isList || embedding.length === 0)
    throw new DiffiqaError(
      'invalid-embedding',
      `An embedding is a list of numbers, not ${isList ? 'empty' : describe(embedding)}`,
    )
  const values = new Float32Array(embedding.length)
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    const value: unknown = embedding[i]
    if (typeof value !== 'number' || !Number.isFinite(Math.fround(value)))
      throw new DiffiqaError('invalid-embedding', 'An embedding holds something that is not a finite number')
    values[i] = value
    sum += value * value
  }
  if (sum === 0) throw new DiffiqaError('invalid-embedding', 'An embedding is all zero')
  return { embedding: values, length: Math.sqrt(sum) }
}

/**
 * Two embeddings of one network have the same length; the distance of others would be a number without meaning.
 * @returns both.
 * @throws DiffiqaError `embedding-mismatch`.
 */
export function requireSameLength(a: Vector, b: Vector): [Vector, Vector] {
  const lengths = [a.embedding.length, b.embedding.length]
  if (lengths[0] === lengths[1]) return [a, b]
  throw new DiffiqaError('embedding-mismatch', `Embeddings of ${lengths.join(' and of ')} numbers cannot be compared`, {
    details: { lengths },
  })
}

function describe(value: unknown): string {
  return value === null ? 'null' : `a ${typeof value}`
}
