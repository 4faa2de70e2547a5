import { DiffiqaError } from '../errors.ts'
import type { QueueEntry } from './admission.ts'
import type { RunOptions, RunResult, TaskKind } from './backend.ts'
import type { Task } from './task-handler.ts'

/** Longer timers overflow and fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** One call of `run()`: its promise, its deadline, its abort signal and the flag its worker looks at. */
export class PendingTask implements QueueEntry {
  readonly task: Task
  readonly kind: TaskKind
  readonly deadline: number
  readonly transfer: readonly ArrayBuffer[]
  readonly enqueuedAt = performance.now()
  /** Shared with the worker: element 0 becomes 1 when the answer is no longer wanted. */
  readonly cancelFlag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  readonly promise: Promise<RunResult<unknown>>
  /** Instant at which a worker took it. */
  startedAt: number | undefined
  readonly #onSettled: (task: PendingTask) => void
  #resolve!: (result: RunResult<unknown>) => void
  #reject!: (error: DiffiqaError) => void
  #stopWatching: (() => void) | undefined
  #settled = false

  /** @param onSettled - called once, before anybody who awaits the promise goes on */
  constructor(task: Task, options: RunOptions, onSettled: (task: PendingTask) => void) {
    this.task = task
    this.kind = options.kind
    this.deadline = options.deadline
    this.transfer = options.transfer ?? []
    this.#onSettled = onSettled
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get settled(): boolean {
    return this.#settled
  }

  /** Starts the deadline and listens to the signal; both end with the task. */
  watch(signal: AbortSignal | undefined): void {
    const abort = () => this.reject(new DiffiqaError('aborted', undefined, { cause: signal?.reason }))
    const remainingMs = this.deadline - performance.now()
    const timer = remainingMs > MAX_TIMER_MS ? undefined : setTimeout(() => this.expire(), Math.max(0, remainingMs))
    signal?.addEventListener('abort', abort, { once: true })
    this.#stopWatching = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  expire(): void {
    const phase = this.startedAt === undefined ? 'queue' : 'running'
    this.reject(new DiffiqaError('deadline-exceeded', undefined, { details: { phase, kind: this.kind } }))
  }

  resolve(value: unknown, serviceMs: number): void {
    const queueMs = (this.startedAt ?? this.enqueuedAt) - this.enqueuedAt
    if (this.#settle()) this.#resolve({ value, queueMs, serviceMs })
  }

  reject(error: DiffiqaError): void {
    if (this.#settle()) this.#reject(error)
  }

  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    this.#stopWatching?.()
    // Whatever still works on it may stop; after an answer nobody looks at the flag.
    Atomics.store(this.cancelFlag, 0, 1)
    this.#onSettled(this)
    return true
  }
}
