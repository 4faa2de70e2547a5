import { createHmac, timingSafeEqual } from 'node:crypto'
import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
  isBrokenCircuitError,
} from 'cockatiel'
import type { QualityScore } from '../quality/types.ts'

/**
 * Where several processes keep scores together, such as `redisScores()`. Keys are HMACs of photos, values are text with scores and the models'
 * version in it and nothing else.
 */
export interface SharedScoreStore {
  /** @returns null or undefined for an unknown key */
  get(key: string): Promise<string | null | undefined>
  set(key: string, value: string, ttlMs: number): Promise<unknown>
}

export interface SharedScoresOptions {
  readonly store: SharedScoreStore
  readonly secret: Uint8Array
  /** Most a look-up may cost. */
  readonly timeoutMs: number
  readonly ttlMs: number
  /** Scores of others mean something else. */
  readonly modelVersion: string
}

/** The scores of one face. */
export interface SharedFace {
  readonly fast: QualityScore
  readonly full: QualityScore | undefined
}

export type SharedResult = 'hit' | 'miss' | 'timeout' | 'error' | 'skipped'

export interface SharedAnswer {
  readonly result: SharedResult
  /** With `hit`: as the photo's scored faces, largest first. */
  readonly faces?: readonly SharedFace[]
}

/** A store that fails to answer so often in a row is left alone for a while, so that it does not cost its time-out each time. */
const FAULTS_TO_OPEN = 3
const PAUSE_MS = 1000
/** Writes under way: a store that hangs must not gather them without end. */
const MAX_WRITES = 64

type Numbers = readonly [value: number, sigma: number, raw: number]
interface Entry {
  readonly modelVersion: string
  readonly scores: readonly { readonly fast: Numbers; readonly full?: Numbers }[]
}

/** Scores that other processes made. A store that is slow, gone, or answers nonsense costs at most the time-out and never a verdict. */
export class SharedScores {
  readonly #options: SharedScoresOptions
  readonly #breaker: CircuitBreakerPolicy
  readonly #lookUps = new Map<string, Promise<SharedAnswer>>()
  #writes = 0

  constructor(options: SharedScoresOptions) {
    this.#options = options
    this.#breaker = circuitBreaker(handleAll, {
      halfOpenAfter: PAUSE_MS,
      breaker: new ConsecutiveBreaker(FAULTS_TO_OPEN),
    })
  }

  /**
   * Never rejects.
   * @param leftMs Until the deadline; half of it is left for the photo.
   */
  get(key: string, leftMs: number): Promise<SharedAnswer> {
    const underWay = this.#lookUps.get(key)
    if (underWay) return underWay
    const lookUp = this.#lookUp(key, Math.max(1, Math.min(this.#options.timeoutMs, leftMs / 2)))
    this.#lookUps.set(key, lookUp)
    void lookUp.then(() => this.#lookUps.delete(key))
    return lookUp
  }

  /** Tells the others; nobody waits for it. */
  set(key: string, faces: readonly SharedFace[]): void {
    if (this.#writes >= MAX_WRITES || this.#breaker.state !== CircuitState.Closed) return
    this.#writes++
    const { store, ttlMs } = this.#options
    const write = async (): Promise<unknown> => store.set(key, this.#write(key, faces), ttlMs)
    write()
      .catch(() => {})
      .finally(() => {
        this.#writes--
      })
  }

  async #lookUp(key: string, limitMs: number): Promise<SharedAnswer> {
    try {
      const text = await this.#breaker.execute(() => withinLimit(limitMs, async () => this.#options.store.get(key)))
      if (text === null || text === undefined) return { result: 'miss' }
      const faces = this.#read(key, text)
      return faces ? { result: 'hit', faces } : { result: 'error' }
    } catch (error) {
      if (isBrokenCircuitError(error)) return { result: 'skipped' }
      return { result: error instanceof TimeUp ? 'timeout' : 'error' }
    }
  }

  #write(key: string, faces: readonly SharedFace[]): string {
    const scores = faces.map(({ fast, full }) => ({ fast: numbers(fast), ...(full && { full: numbers(full) }) }))
    const json = JSON.stringify({ modelVersion: this.#options.modelVersion, scores } satisfies Entry)
    return `${this.#seal(key, json)}.${json}`
  }

  /** Sealed, since whoever can write into the store would otherwise decide which photos are good. */
  #read(key: string, text: string): SharedFace[] | undefined {
    if (typeof text !== 'string') return undefined
    const end = text.indexOf('.')
    const json = text.slice(end + 1)
    const [seal, right] = [Buffer.from(text.slice(0, Math.max(0, end))), Buffer.from(this.#seal(key, json))]
    if (seal.length !== right.length || !timingSafeEqual(seal, right)) return undefined
    try {
      return facesOf(JSON.parse(json), this.#options.modelVersion)
    } catch {
      return undefined
    }
  }

  #seal(key: string, json: string): string {
    return createHmac('sha256', this.#options.secret).update(`seal\0${key}\0${json}`).digest('base64url')
  }
}

const numbers = ({ value, sigma, raw }: QualityScore): Numbers => [value, sigma, raw]

function facesOf({ modelVersion, scores }: Entry, expected: string): SharedFace[] | undefined {
  if (modelVersion !== expected || !Array.isArray(scores) || scores.length === 0) return undefined
  if (!scores.every(({ fast, full }) => isUsable(fast) && (full === undefined || isUsable(full)))) return undefined
  const scoreOf = ([value, sigma, raw]: Numbers, method: QualityScore['method']): QualityScore => ({
    value,
    sigma,
    raw,
    method,
    modelVersion,
  })
  return scores.map(({ fast, full }) => ({
    fast: scoreOf(fast, 'diffiqa-r'),
    full: full && scoreOf(full, 'diffiqa'),
  }))
}

function isUsable(given: unknown): boolean {
  if (!Array.isArray(given) || given.length !== 3 || !given.every(Number.isFinite)) return false
  const [value, sigma] = given as unknown as Numbers
  return value >= 0 && value <= 1 && sigma >= 0
}

class TimeUp extends Error {}

async function withinLimit<T>(limitMs: number, action: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeUp()), limitMs)
  })
  const work = action()
  work.catch(() => {})
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
