import { DiffiqaError } from '../errors.ts'
import type { TaskKind } from './backend.ts'
import { predictWait } from './predict-wait.ts'
import { retryAfterSeconds } from './retry-after.ts'
import { ServiceTime } from './service-time.ts'

export interface QueueEntry {
  readonly kind: TaskKind
  /** Instant of the queue's clock. */
  readonly deadline: number
}

export interface AdmissionOptions {
  /** Threads when all of them run. */
  readonly workers: number
  /** How many fast tasks may wait. */
  readonly maxQueue: number
  /** How many full scores may run at once; with two workers or more one is always left to the fast tasks. */
  readonly maxFull: number
  /** How many full scores may wait. */
  readonly maxFullQueue: number
  /** Milliseconds, monotonic. @default performance.now */
  readonly now?: () => number
  /** Uniform in 0..1. @default Math.random */
  readonly random?: () => number
}

/** Half of all tasks take longer than their mean: what is left of the time should be this many means. */
const SAFE_MEANS = 1.5
/** The mean moves while a task waits: predictions of a wait are taken this much longer. */
const SAFE_WAIT = 1.1

/**
 * A bounded queue that looks ahead: it refuses what could not be answered in time instead of letting it wait in vain. First in, first
 * out within a kind, fast before full. Holds no threads and no timers; whoever runs the tasks calls `take()` and `finish()`.
 */
export class AdmissionQueue<T extends QueueEntry> {
  readonly #options: AdmissionOptions
  readonly #now: () => number
  readonly #random: () => number
  readonly #waiting: Record<TaskKind, T[]> = { fast: [], full: [] }
  /** Running task → start instant. */
  readonly #running = new Map<T, number>()
  readonly #service: Record<TaskKind, ServiceTime> = { fast: new ServiceTime(), full: new ServiceTime() }
  /** Threads that can take tasks now; set by whoever owns them. */
  #threads = 0

  constructor(options: AdmissionOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#random = options.random ?? Math.random
  }

  /** Running and idle threads that have loaded; those that start or restart do not count. */
  set threads(count: number) {
    this.#threads = count
  }

  depth(kind: TaskKind): number {
    return this.#waiting[kind].length
  }

  capacity(kind: TaskKind): number {
    return kind === 'fast' ? this.#options.maxQueue : this.#options.maxFullQueue
  }

  /** @throws DiffiqaError as `InferenceBackend.admit()`: `deadline-exceeded` or `queue-full`. */
  check(kind: TaskKind, deadline: number): void {
    const remainingMs = deadline - this.#now()
    if (!(remainingMs > 0))
      throw new DiffiqaError('deadline-exceeded', undefined, { details: { phase: 'queue', kind } })
    if (this.#waiting[kind].length === 0 && this.#canStart(kind)) return
    if (this.#waiting[kind].length >= this.capacity(kind)) throw this.#full(kind, 'capacity')
    const neededMs = SAFE_WAIT * this.#predictWait(kind) + SAFE_MEANS * this.#service[kind].meanMs
    if (neededMs > remainingMs) throw this.#full(kind, 'deadline')
  }

  /** @throws DiffiqaError as `check()`. */
  add(entry: T): void {
    this.check(entry.kind, entry.deadline)
    this.#waiting[entry.kind].push(entry)
  }

  /** Takes a waiting entry out; false when it does not wait (any more). */
  remove(entry: T): boolean {
    const list = this.#waiting[entry.kind]
    const at = list.indexOf(entry)
    if (at >= 0) list.splice(at, 1)
    return at >= 0
  }

  /** The next entry to run, counted as running from now on; undefined when none waits or none may start. */
  take(): T | undefined {
    const kind: TaskKind = this.#waiting.fast.length > 0 ? 'fast' : 'full'
    if (!this.#canStart(kind)) return undefined
    const entry = this.#waiting[kind].shift()
    if (entry) this.#running.set(entry, this.#now())
    return entry
  }

  /**
   * Has an entry that was just taken waited so long that it will hardly be done in time, while others wait that might be? Then its thread is
   * better spent on them: work that ends too late is work for nobody, and under load that lasts it would be most of the work.
   */
  hopeless({ kind, deadline }: T): boolean {
    return this.#waiting[kind].length > 0 && this.#now() + SAFE_MEANS * this.#service[kind].meanMs > deadline
  }

  /**
   * The thread of a running entry is free again.
   *
   * @param typical - false when the task was cut short: its duration then says nothing about the next one's
   */
  finish(entry: T, typical: boolean): void {
    const start = this.#running.get(entry)
    if (start === undefined) return
    this.#running.delete(entry)
    if (typical) this.#service[entry.kind].add(this.#now() - start)
  }

  #canStart(kind: TaskKind): boolean {
    if (this.#running.size >= this.#threads) return false
    if (kind === 'fast') return true
    const running = this.#runningOf('full').length
    const keepsOne = this.#options.workers === 1 || this.#threads - running >= 2
    return this.#waiting.fast.length === 0 && running < this.#fullLimit && keepsOne
  }

  get #fullLimit(): number {
    return Math.min(this.#options.maxFull, Math.max(1, this.#options.workers - 1))
  }

  #runningOf(kind: TaskKind): number[] {
    const { meanMs } = this.#service[kind]
    const now = this.#now()
    const left: number[] = []
    for (const [entry, start] of this.#running) {
      if (entry.kind === kind) left.push(Math.max(0, meanMs - (now - start)))
    }
    return left
  }

  #predictWait(kind: TaskKind): number {
    return predictWait(kind, {
      workers: Math.max(1, this.#threads),
      fullLimit: this.#fullLimit,
      running: { fast: this.#runningOf('fast'), full: this.#runningOf('full') },
      waiting: { fast: this.#waiting.fast.length, full: this.#waiting.full.length },
      meanMs: { fast: this.#service.fast.meanMs, full: this.#service.full.meanMs },
    })
  }

  #full(kind: TaskKind, reason: 'capacity' | 'deadline'): DiffiqaError {
    return new DiffiqaError('queue-full', undefined, {
      details: { reason, kind },
      retryAfterSeconds: retryAfterSeconds(this.#predictWait(kind), this.#random),
    })
  }
}
