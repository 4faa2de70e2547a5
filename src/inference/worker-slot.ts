import type { DiffiqaError } from '../errors.ts'
import type { Task } from './task-handler.ts'

export interface SlotResult {
  readonly value: unknown
  readonly serviceMs: number
}

/** What goes with a task. */
export interface TaskOrder {
  /** Shared with the worker: element 0 becomes 1 when the answer is no longer wanted. */
  readonly cancelFlag: Int32Array
  /** Instant of `performance.now()` of the calling thread. */
  readonly deadline: number
  /** Buffers of the input to move instead of copy. */
  readonly transfer: readonly ArrayBuffer[]
}

/** One place that runs one task at a time; when its thread ends it is thrown away and another is made. */
export interface WorkerSlot {
  /** True as soon as the thread has ended, whatever the reason; `onDeath` may come a moment later. */
  readonly dead: boolean
  /** Resolves when tasks can be taken. Called once. @throws DiffiqaError what kept it from loading */
  start(): Promise<void>
  /**
   * @throws DiffiqaError the handler's own error, or `worker-crashed` (details.reason `crash` or `memory`) when the thread ended.
   */
  run(task: Task, order: TaskOrder): Promise<SlotResult>
  /** Ends the thread, whatever it is doing. Resolves when it is gone, or after a second when native code holds it. */
  stop(): Promise<void>
}

/**
 * Makes a slot. `onDeath` is called once when its thread ends by itself after `start()` resolved, and never because of `stop()`.
 */
export type CreateSlot = (onDeath: (error: DiffiqaError) => void) => WorkerSlot
