/** Less work than this is none, milliseconds. */
const CRUMB = 1e-9

export interface ProcessorOptions {
  readonly cores: number
  /** How many times longer work takes while every core works. */
  readonly crowding: number
}

/**
 * Cores that are shared evenly among the threads that have work. Work is in milliseconds of one core, nobody else at work; it slows down in a
 * straight line as more cores work, and by division of time when there are more threads than cores.
 */
export class Processor<T> {
  readonly #options: ProcessorOptions
  /** What each thread still has to do. */
  readonly #left = new Map<T, number>()
  #now = 0

  constructor(options: ProcessorOptions) {
    this.#options = options
  }

  /** Adds to what a thread has to do. */
  add(thread: T, work: number): void {
    if (work > 0) this.#left.set(thread, (this.#left.get(thread) ?? 0) + work)
  }

  /** Instant at which the next thread ends its work when nothing is added; Infinity when there is none. */
  get next(): number {
    if (this.#left.size === 0) return Number.POSITIVE_INFINITY
    return this.#now + Math.min(...this.#left.values()) / this.#speed
  }

  /** Works until then, at most until `next`. @returns the threads that ended their work */
  advance(to: number): T[] {
    // By name and not by subtraction: late in a long run what is left may be less than the clock can tell.
    const least = to >= this.next ? Math.min(...this.#left.values()) : Number.NEGATIVE_INFINITY
    const work = (to - this.#now) * this.#speed
    this.#now = to
    const ended: T[] = []
    for (const [thread, left] of this.#left) {
      if (left > least + CRUMB) this.#left.set(thread, Math.max(CRUMB, left - work))
      else {
        this.#left.delete(thread)
        ended.push(thread)
      }
    }
    return ended
  }

  get #speed(): number {
    const { cores, crowding } = this.#options
    const busy = Math.min(this.#left.size, cores)
    const slower = cores > 1 ? 1 + ((crowding - 1) * Math.max(0, busy - 1)) / (cores - 1) : 1
    return Math.min(1, cores / Math.max(1, this.#left.size)) / slower
  }
}
