import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { MessagePort, ResourceLimits } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import { DiffiqaError } from '../errors.ts'
import { decoderSetup } from './decoder-setup.ts'
import { fromWireError } from './error-wire.ts'
import { NativeGate } from './native-gate.ts'
import { nativeModuleMissing } from './native-module.ts'
import type { ThreadData, WorkerMessage, WorkerReply } from './serve-tasks.ts'
import type { Task } from './task-handler.ts'
import type { SlotResult, TaskOrder, WorkerSlot } from './worker-slot.ts'

export interface PiscinaSlotOptions {
  readonly workerUrl: URL
  readonly workerData: unknown
  readonly resourceLimits: ResourceLimits
  /** Makes a connection of the worker to this thread; the port is the worker's end. */
  readonly connect: (() => MessagePort) | undefined
}

const STOP_TIMEOUT_MS = 1000

/**
 * A Piscina of exactly one thread. One pool per thread, since a shared pool neither tells which thread has a task nor ends a chosen
 * one, and starts no replacement any more once a thread has failed while loading. Our own queue is in front, so Piscina's stays
 * empty, and no abort signal is ever handed to it: it would end the thread, and the loaded models with it.
 */
export class PiscinaSlot implements WorkerSlot {
  readonly #options: PiscinaSlotOptions
  readonly #onDeath: (error: DiffiqaError) => void
  readonly #gate = new NativeGate()
  #pool: Piscina<WorkerMessage, WorkerReply> | undefined
  #started = false
  #stopped = false
  #dead = false
  /** What the thread died of, when it said so. */
  #cause: Error | undefined

  constructor(options: PiscinaSlotOptions, onDeath: (error: DiffiqaError) => void) {
    this.#options = options
    this.#onDeath = onDeath
  }

  get dead(): boolean {
    return this.#dead
  }

  async start(): Promise<void> {
    // Not needed by those who never start a pool, and slow enough to be felt in the import time of the package.
    const { Piscina: Pool } = await import('piscina')
    if (this.#stopped) throw new DiffiqaError('gate-closed')
    const pool: Piscina<WorkerMessage, WorkerReply> = new Pool({
      filename: fileURLToPath(this.#options.workerUrl),
      workerData: {
        data: this.#options.workerData,
        nativeGate: this.#gate.state,
        decoderSetup: decoderSetup(),
      } satisfies ThreadData,
      resourceLimits: this.#options.resourceLimits,
      // No minimum: a thread that ended is not replaced behind our back. The first message makes the thread.
      minThreads: 0,
      maxThreads: 1,
      maxQueue: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      // The default blocks the worker's event loop in Atomics.wait() between tasks; handlers may leave asynchronous work behind.
      atomics: 'disabled',
      recordTiming: false,
    })
    this.#pool = pool
    const died = new Promise<never>((_, reject) => {
      pool.on('error', (error: Error) => {
        this.#cause ??= error
      })
      pool.on('workerDestroy', () => {
        this.#dead = true
        this.#gate.release()
        // Piscina tells the cause after the end, in the same turn.
        setImmediate(() => {
          const error = this.#deathError()
          reject(error)
          if (this.#started && !this.#stopped) this.#onDeath(error)
        })
      })
    })
    died.catch(() => {})
    // A thread that fails while loading leaves the message in the queue for ever: hence the race.
    const port = this.#options.connect?.()
    const transferList = port ? [port] : []
    const reply = await Promise.race([died, pool.run({ type: 'start', port }, { transferList }).catch(() => died)])
    if (!reply.ok) throw fromWireError(reply.error)
    this.#started = true
  }

  async run(task: Task, { cancelFlag, deadline, transfer }: TaskOrder): Promise<SlotResult> {
    if (!this.#pool || this.#dead) throw this.#deathError()
    let reply: WorkerReply
    try {
      const remainingMs = deadline - performance.now()
      reply = await this.#pool.run({ type: 'task', task, cancelFlag, remainingMs }, { transferList: [...transfer] })
    } catch (cause) {
      if (this.#dead) {
        if (cause instanceof Error) this.#cause ??= cause
        throw this.#deathError()
      }
      throw new DiffiqaError('scoring-failed', 'The task could not be sent to its worker', { cause })
    }
    if (!reply.ok) throw fromWireError(reply.error)
    return reply
  }

  async stop(): Promise<void> {
    this.#stopped = true
    const timeout = new AbortController()
    const late = sleep(STOP_TIMEOUT_MS, undefined, { signal: timeout.signal }).catch(() => {})
    await Promise.race([this.#end(), late])
    timeout.abort()
  }

  async #end(): Promise<void> {
    if (!this.#dead) await this.#gate.close()
    await this.#pool?.destroy()
    this.#gate.release()
  }

  #deathError(): DiffiqaError {
    const cause = this.#cause
    const missing = this.#started ? undefined : nativeModuleMissing(cause)
    if (missing) return missing
    const memory = cause !== undefined && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
    const details = { reason: memory ? 'memory' : 'crash' }
    return new DiffiqaError('worker-crashed', undefined, { details, ...(cause && { cause }) })
  }
}
