import { LRUCache } from 'lru-cache'
import type { ResolvedCacheOptions } from './cache-options.ts'
import type { AssessAnswer, FullAnswer, ScoredFace } from './worker-tasks.ts'

/** A scored face without its pixels. */
export interface RememberedFace extends Omit<ScoredFace, 'aligned'> {
  readonly aligned: Omit<ScoredFace['aligned'], 'pixels'>
  readonly full: FullAnswer | undefined
}

/** What is kept of a photo: faces, scores and measures; no pixels, no embeddings, nothing of the file. */
export interface RememberedPhoto {
  readonly photo: AssessAnswer['photo']
  readonly faces: AssessAnswer['faces']
  readonly scored: readonly RememberedFace[]
}

/** Where remembered photos are; `lru-cache` has this shape. */
export interface ScoreStore {
  get(key: string): unknown
  set(key: string, value: RememberedPhoto): unknown
  readonly size: number
}

function isFullAnswer(value: unknown): boolean {
  const full = value as FullAnswer | undefined
  return full === undefined || (isScore(full.full) && typeof full.measures === 'object')
}

function isScore(value: unknown): boolean {
  const score = value as { value?: unknown; sigma?: unknown; raw?: unknown } | undefined
  return Number.isFinite(score?.value) && Number.isFinite(score?.sigma) && Number.isFinite(score?.raw)
}

/** A store may be anybody's: what it gives back is looked at before a decision rests on it. */
function isRemembered(value: unknown): value is RememberedPhoto {
  const photo = value as RememberedPhoto | undefined
  return (
    Array.isArray(photo?.faces) &&
    Array.isArray(photo.scored) &&
    photo.scored.length > 0 &&
    photo.scored.every((one) => one?.aligned?.face && isScore(one.fast) && one.measures && isFullAnswer(one.full))
  )
}

/** Scores of photos seen lately. A store that fails or answers nonsense is a cache without an entry, never an error. */
export class ScoreCache {
  readonly #store: ScoreStore

  constructor(store: ScoreStore) {
    this.#store = store
  }

  static create({ maxEntries, ttlMs }: ResolvedCacheOptions): ScoreCache {
    return new ScoreCache(new LRUCache<string, RememberedPhoto>({ max: maxEntries, ttl: ttlMs }))
  }

  get size(): number {
    return attempt(() => this.#store.size) ?? 0
  }

  get(key: string): RememberedPhoto | undefined {
    const found = attempt(() => this.#store.get(key))
    return attempt(() => isRemembered(found)) ? (found as RememberedPhoto) : undefined
  }

  set(key: string, value: RememberedPhoto): void {
    attempt(() => this.#store.set(key, value))
  }

  /** Add a full score to a photo that is still remembered. */
  addFull(key: string, index: number, full: FullAnswer): void {
    const found = this.get(key)
    if (found) this.set(key, { ...found, scored: found.scored.map((one, i) => (i === index ? { ...one, full } : one)) })
  }
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}

/** What of an answer may be kept. */
export function remember({ photo, faces, scored }: AssessAnswer): RememberedPhoto {
  return {
    photo,
    faces,
    scored: scored.map(({ aligned: { pixels: _, ...aligned }, fast, measures }) => ({
      aligned,
      fast,
      measures,
      full: undefined,
    })),
  }
}
