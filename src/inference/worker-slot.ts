import type { DiffiqaError } from '../errors.ts'
import type { Task } from './task-handler.ts'

export interface SlotResult {
  readonly value: unknown
  readonly serviceMs: number
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
  run(task: Task, cancelFlag: Int32Array, transfer: readonly ArrayBuffer[]): Promise<SlotResult>
  /** Ends the thread, whatever it is doing. Resolves when it is gone, or after a second when native code holds it. */
  stop(): Promise<void>
}

/**
 * Makes a slot. `onDeath` is called once when its thread ends by itself after `start()` resolved, and never because of `stop()`.
 */
export type CreateSlot = (onDeath: (error: DiffiqaError) => void) => WorkerSlot
