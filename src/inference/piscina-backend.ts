import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { MessagePort, ResourceLimits } from 'node:worker_threads'
import { DiffiqaError } from '../errors.ts'
import type { InferenceBackend } from './backend.ts'
import { checkOptions } from './backend-options.ts'
import { PiscinaSlot } from './piscina-slot.ts'
import { silenceRuntime } from './runtime-telemetry.ts'
import { TaskScheduler } from './task-scheduler.ts'

export interface PiscinaBackendOptions {
  /** The built worker file, a `file:` URL; its default export is made by `serveTasks()`. */
  readonly workerUrl: URL
  /** Handed to the worker's `createHandler` by structured clone. @default undefined */
  readonly workerData?: unknown
  /** Worker threads. */
  readonly workers: number
  /** How many fast tasks may wait while all workers are busy. */
  readonly maxQueue: number
  /**
   * How many full scores may run at once. Never more than `workers` - 1, so that a fast task always finds a thread without one; with a
   * single worker, one, and only while no fast task waits. @default workers - 1, at least 1
   */
  readonly maxFull?: number
  /** How many full scores may wait. @default 2 × workers */
  readonly maxFullQueue?: number
  /** A task that runs longer (hung decoder, endless loop) is ended with its thread. Above the slowest honest full score. */
  readonly watchdogMs: number
  /** A worker that has not loaded its models by then has failed. @default 30 000 */
  readonly startTimeoutMs?: number
  /** Heap limits of each worker; models and pixels live outside of the heap. @default Node's own */
  readonly resourceLimits?: ResourceLimits
  /** Called for each worker that starts: the worker's end of a connection to this thread, handed to its `createHandler`. @default none */
  readonly connect?: () => MessagePort
  /** Uniform in 0..1, for the spread of Retry-After. @default Math.random */
  readonly random?: () => number
}

const KNOWN = [
  'workerUrl',
  'workerData',
  'workers',
  'maxQueue',
  'maxFull',
  'maxFullQueue',
  'watchdogMs',
  'startTimeoutMs',
  'resourceLimits',
  'connect',
  'random',
] as const satisfies readonly (keyof PiscinaBackendOptions)[]

/**
 * Worker threads by Piscina behind our own bounded queue. The threads start at once; `whenReady()` tells how that went.
 *
 * @throws DiffiqaError `invalid-option`, or `worker-file-missing` when there is no file at `workerUrl`
 */
export function createPiscinaBackend(options: PiscinaBackendOptions): InferenceBackend {
  checkOptions(
    options,
    KNOWN,
    { workers: 1, maxQueue: 0, maxFull: 1, maxFullQueue: 0, watchdogMs: 1, startTimeoutMs: 1 },
    ['watchdogMs'],
  )
  const { workerUrl, workerData, workers, resourceLimits = {}, connect } = options
  checkWorkerFile(workerUrl)
  silenceRuntime()
  return new TaskScheduler({
    workers,
    maxQueue: options.maxQueue,
    maxFull: options.maxFull ?? Math.max(1, workers - 1),
    maxFullQueue: options.maxFullQueue ?? 2 * workers,
    watchdogMs: options.watchdogMs,
    startTimeoutMs: options.startTimeoutMs ?? 30_000,
    createSlot: (onDeath) => new PiscinaSlot({ workerUrl, workerData, resourceLimits, connect }, onDeath),
    ...(options.random && { random: options.random }),
  })
}

/** A thread whose file is missing only says so after it has started; a bundler that left the file out is told at once and by name. */
function checkWorkerFile(workerUrl: URL): void {
  const sought = workerUrl.protocol === 'file:' ? fileURLToPath(workerUrl) : workerUrl.href
  if (workerUrl.protocol === 'file:' && existsSync(workerUrl)) return
  throw new DiffiqaError(
    'worker-file-missing',
    `The worker script was sought at ${sought} and is not there. If your application is bundled, tell the bundler to leave ` +
      'express-diffiqa (and piscina, onnxruntime-node and sharp) out of the bundle, for example ' +
      "external: ['express-diffiqa'], and ship node_modules/express-diffiqa next to it.",
    { details: { sought } },
  )
}
