import type { InferenceBackend } from './backend.ts'
import { checkOptions } from './backend-options.ts'
import { toDiffiqaError } from './error-wire.ts'
import type { TaskHandler } from './task-handler.ts'
import { TaskScheduler } from './task-scheduler.ts'
import type { WorkerSlot } from './worker-slot.ts'

export interface InProcessBackendOptions {
  readonly handler: TaskHandler
  /** How many tasks of each kind may wait. @default 1000 */
  readonly maxQueue?: number
}

/**
 * Runs tasks one after the other on the calling thread: for tests and for a command that scores a few files. Same queue, deadlines
 * and errors as the worker threads, but nothing is cloned or transferred, a computing handler delays every timer of the process, and
 * what hangs or crashes takes the process with it.
 *
 * @throws DiffiqaError `invalid-option`
 */
export function createInProcessBackend(options: InProcessBackendOptions): InferenceBackend {
  checkOptions(options, ['handler', 'maxQueue'], { maxQueue: 0 })
  const maxQueue = options.maxQueue ?? 1000
  return new TaskScheduler({
    workers: 1,
    maxQueue,
    maxFull: 1,
    maxFullQueue: maxQueue,
    watchdogMs: Number.POSITIVE_INFINITY,
    startTimeoutMs: 30_000,
    createSlot: () => inProcessSlot(options.handler),
  })
}

function inProcessSlot(handler: TaskHandler): WorkerSlot {
  return {
    dead: false,
    start: async () => {},
    async run(task, { cancelFlag, deadline }) {
      const start = performance.now()
      try {
        const { value } = await handler(task, { deadline, cancelled: () => Atomics.load(cancelFlag, 0) !== 0 })
        return { value, serviceMs: performance.now() - start }
      } catch (error) {
        throw toDiffiqaError(error)
      }
    },
    stop: async () => {},
  }
}
