import type { Task } from './task-handler.ts'

/** `fast`: one photo through detection and DifFIQA(R). `full`: one full DifFIQA, slower by a power of ten, limited apart. */
export type TaskKind = 'fast' | 'full'

/** Why a worker was replaced. */
export type RestartReason = 'crash' | 'watchdog' | 'memory'

export interface RunOptions {
  readonly kind: TaskKind
  /** Instant of `performance.now()` of the calling thread; the promise is settled by then. */
  readonly deadline: number
  /** Waiting tasks leave the queue; a running task is cancelled between its steps, its worker lives on. */
  readonly signal?: AbortSignal
  /** Buffers of the input to move instead of copy; unusable for the caller once the task has started. */
  readonly transfer?: readonly ArrayBuffer[]
}

export interface RunResult<T> {
  readonly value: T
  /** Milliseconds from the call to the start of the work. */
  readonly queueMs: number
  /** Milliseconds the handler worked, measured where it ran. */
  readonly serviceMs: number
}

export interface BackendStats {
  /** `depth`: tasks waiting (not running). `capacity`: how many may wait. */
  readonly fast: { readonly depth: number; readonly capacity: number }
  readonly full: { readonly depth: number; readonly capacity: number }
  readonly workers: { readonly busy: number; readonly idle: number; readonly starting: number }
}

/** The seam between the gate and the threads that compute. Each promise it hands out settles exactly once. */
export interface InferenceBackend {
  /**
   * @throws DiffiqaError whatever `admit()` throws; `deadline-exceeded` (details.phase `queue` or `running`), `aborted`,
   * `worker-crashed` (details.reason `crash`, `watchdog` or `memory`), `shutting-down`, or the handler's own error.
   */
  run<T>(task: Task, options: RunOptions): Promise<RunResult<T>>
  /**
   * Throws when a task with this deadline would not be taken now; reserves nothing. Meant to be asked before a request body is read.
   *
   * @throws DiffiqaError `queue-full` with `retryAfterSeconds` (details.reason: `capacity` when the queue is full, `deadline` when the
   * predicted wait is too long), `deadline-exceeded` when the deadline has passed, `worker-crashed` while no worker can be started,
   * `shutting-down`, `gate-closed`.
   */
  admit(kind: TaskKind, deadline: number): void
  /** True while at least one worker can take tasks and `close()` was not called. */
  readonly ready: boolean
  /** Resolves when every worker has loaded; rejects with the typed error of the first that cannot, and the backend is closed. */
  whenReady(): Promise<void>
  stats(): BackendStats
  /** Tells of each worker that ended on its own or was killed by the watchdog. Returns the unsubscribe function. */
  onRestart(listener: (reason: RestartReason) => void): () => void
  /**
   * Refuses new tasks (`shutting-down`), lets the accepted ones finish for `timeoutMs` (default 10 000), fails what is left with
   * `shutting-down`, and stops the workers. Afterwards calls get `gate-closed`. Every call returns the same promise.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>
}
