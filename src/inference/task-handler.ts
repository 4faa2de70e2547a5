/** One piece of work for a worker thread. `input` crosses by structured clone, minus the buffers that are transferred. */
export interface Task {
  readonly name: string
  readonly input: unknown
}

export interface TaskContext {
  /** Instant of `performance.now()` of the thread that works; whoever asks others in turn passes on what is left. */
  readonly deadline: number
  /**
   * True once nobody waits for the answer any more (deadline, abort, shutdown). A long task asks between its steps and then
   * throws `aborted` or returns anything; either way the answer is dropped and the thread is free sooner.
   */
  cancelled(): boolean
}

export interface TaskAnswer {
  readonly value: unknown
  /** Buffers of `value` to move instead of copy; unusable in the worker afterwards. */
  readonly transfer?: readonly ArrayBuffer[]
}

/**
 * Does the work. Runs one task at a time per thread. What it throws reaches the caller of `InferenceBackend.run()` as a
 * `DiffiqaError`: the same code, message and details, or `scoring-failed` for any other error.
 */
export type TaskHandler = (task: Task, context: TaskContext) => Promise<TaskAnswer>
