import type { GateEvents } from '../gate/events.ts'
import type { RateBucket } from './wire.ts'

export const BUCKET_SECONDS = 5
/** Ten minutes. */
const BUCKETS = 120

const empty = (): RateBucket => ({ accept: 0, downWeight: 0, reject: 0, other: 0 })

const KIND: Readonly<Partial<Record<GateEvents['assessed']['outcome'], keyof RateBucket>>> = {
  accept: 'accept',
  'down-weight': 'downWeight',
  reject: 'reject',
}

/** What became of the last ten minutes' requests: numbers only. */
export class Rates {
  readonly #buckets: RateBucket[] = Array.from({ length: BUCKETS }, empty)
  readonly #now: () => number
  /** Number of the last bucket since the clock's zero. */
  #current: number

  /** @param now Milliseconds that never run backwards. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#current = this.#index()
  }

  add({ outcome }: Pick<GateEvents['assessed'], 'outcome'>): void {
    this.#advance()
    const last = this.#buckets[BUCKETS - 1] as RateBucket
    last[KIND[outcome] ?? 'other']++
  }

  /** Oldest first. */
  read(): RateBucket[] {
    this.#advance()
    return this.#buckets.map((bucket) => ({ ...bucket }))
  }

  #index(): number {
    return Math.floor(this.#now() / (BUCKET_SECONDS * 1000))
  }

  #advance(): void {
    const index = this.#index()
    const steps = Math.min(index - this.#current, BUCKETS)
    this.#current = index
    if (steps <= 0) return
    this.#buckets.splice(0, steps)
    this.#buckets.push(...Array.from({ length: steps }, empty))
  }
}
