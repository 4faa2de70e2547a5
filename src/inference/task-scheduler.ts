import { DiffiqaError } from '../errors.ts'
import { type AdmissionOptions, AdmissionQueue } from './admission.ts'
import type { BackendStats, InferenceBackend, RestartReason, RunOptions, RunResult, TaskKind } from './backend.ts'
import { toDiffiqaError } from './error-wire.ts'
import { PendingTask } from './pending-task.ts'
import type { Task } from './task-handler.ts'
import type { CreateSlot, WorkerSlot } from './worker-slot.ts'

export interface SchedulerOptions extends AdmissionOptions {
  readonly createSlot: CreateSlot
  /** A task that runs longer is ended together with its thread. Infinity: never. */
  readonly watchdogMs: number
  /** A thread that has not loaded by then has failed. */
  readonly startTimeoutMs: number
}

/** One place for a thread; the thread in it changes, the seat stays. */
interface Seat {
  state: 'starting' | 'idle' | 'busy' | 'down'
  slot: WorkerSlot | undefined
  /** Deaths since the last task that came to an end; spaces out the attempts of a thread that keeps dying. */
  deaths: number
  /** Instant of the next attempt while `down`. */
  retryAt: number
  /** Of what the seat waits for: the end of loading, the watchdog of its task, or the next attempt. */
  timer: NodeJS.Timeout | undefined
}

const CLOSE_TIMEOUT_MS = 10_000
const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 10_000

/** Puts admitted tasks on worker slots, watches their time, replaces slots that die, and drains at the end. */
export class TaskScheduler implements InferenceBackend {
  readonly #options: SchedulerOptions
  readonly #queue: AdmissionQueue<PendingTask>
  readonly #seats: Seat[] = []
  /** Not settled yet, waiting or running. */
  readonly #pending = new Set<PendingTask>()
  readonly #restartListeners = new Set<(reason: RestartReason) => void>()
  readonly #whenReady: Promise<void>
  #state: 'starting' | 'open' | 'closing' | 'closed' = 'starting'
  #failure: DiffiqaError | undefined
  #closing: Promise<void> | undefined
  #onDrained: (() => void) | undefined
  #settleReady!: { resolve: () => void; reject: (error: DiffiqaError) => void }

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#queue = new AdmissionQueue(options)
    this.#whenReady = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject }
    })
    // Whoever does not ask must not see an unhandled rejection; tasks get the same error.
    this.#whenReady.catch(() => {})
    for (let i = 0; i < options.workers; i++) {
      const seat: Seat = { state: 'down', slot: undefined, deaths: 0, retryAt: 0, timer: undefined }
      this.#seats.push(seat)
      this.#start(seat)
    }
  }

  get ready(): boolean {
    return (this.#state === 'starting' || this.#state === 'open') && this.#threads() > 0
  }

  whenReady(): Promise<void> {
    return this.#whenReady
  }

  admit(kind: TaskKind, deadline: number): void {
    this.#checkState()
    this.#queue.check(kind, deadline)
  }

  async run<T>(task: Task, options: RunOptions): Promise<RunResult<T>> {
    if (options.signal?.aborted) throw new DiffiqaError('aborted', undefined, { cause: options.signal.reason })
    this.#checkState()
    const pending = new PendingTask(task, options, (settled) => this.#onSettled(settled))
    this.#queue.add(pending)
    this.#pending.add(pending)
    pending.watch(options.signal)
    this.#pump()
    return pending.promise as Promise<RunResult<T>>
  }

  stats(): BackendStats {
    const count = (...states: Seat['state'][]) => this.#seats.filter((seat) => states.includes(seat.state)).length
    const closed = this.#state === 'closed'
    return {
      fast: { depth: this.#queue.depth('fast'), capacity: this.#queue.capacity('fast') },
      full: { depth: this.#queue.depth('full'), capacity: this.#queue.capacity('full') },
      workers: {
        busy: closed ? 0 : count('busy'),
        idle: closed ? 0 : count('idle'),
        starting: closed ? 0 : count('starting', 'down'),
      },
    }
  }

  onRestart(listener: (reason: RestartReason) => void): () => void {
    this.#restartListeners.add(listener)
    return () => this.#restartListeners.delete(listener)
  }

  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#shutDown(options.timeoutMs ?? CLOSE_TIMEOUT_MS)
    return this.#closing
  }

  async #shutDown(timeoutMs: number): Promise<void> {
    const failure = this.#failure ?? new DiffiqaError('gate-closed')
    this.#state = 'closing'
    if (this.#pending.size > 0 && timeoutMs > 0) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve
        timer = setTimeout(resolve, timeoutMs)
      })
      clearTimeout(timer)
    }
    for (const pending of this.#pending) pending.reject(this.#failure ?? new DiffiqaError('shutting-down'))
    this.#state = 'closed'
    this.#settleReady.reject(failure)
    await Promise.all(
      this.#seats.map((seat) => {
        clearTimeout(seat.timer)
        return seat.slot?.stop()
      }),
    )
  }

  #checkState(): void {
    if (this.#failure) throw this.#failure
    if (this.#state === 'closing') throw new DiffiqaError('shutting-down')
    if (this.#state === 'closed') throw new DiffiqaError('gate-closed')
    if (this.#seats.every((seat) => seat.state === 'down')) {
      const waitMs = Math.min(...this.#seats.map((seat) => seat.retryAt)) - performance.now()
      throw new DiffiqaError('worker-crashed', 'No scoring worker can be started', {
        details: { reason: 'down' },
        retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
      })
    }
  }

  #threads(): number {
    return this.#seats.filter((seat) => seat.state === 'idle' || seat.state === 'busy').length
  }

  #onSettled(pending: PendingTask): void {
    this.#queue.remove(pending)
    this.#pending.delete(pending)
    if (this.#pending.size === 0) this.#onDrained?.()
  }

  /** Starts what can be started; called whenever a task came or a thread became free. */
  #pump(): void {
    this.#queue.threads = this.#threads()
    for (;;) {
      const seat = this.#seats.find(({ state }) => state === 'idle')
      const pending = seat && this.#queue.take()
      if (!pending) return
      // Timers may be late under load; what is late already is not worth a thread.
      if (performance.now() >= pending.deadline || this.#queue.hopeless(pending)) {
        this.#queue.finish(pending, false)
        pending.expire()
      } else {
        void this.#work(seat, pending)
      }
    }
  }

  async #work(seat: Seat, pending: PendingTask): Promise<void> {
    const { slot } = seat
    if (!slot) return
    seat.state = 'busy'
    pending.startedAt = performance.now()
    const { watchdogMs } = this.#options
    if (watchdogMs !== Number.POSITIVE_INFINITY) {
      seat.timer = setTimeout(() => this.#bite(seat, slot, pending), watchdogMs)
    }
    let typical = true
    try {
      const { value, serviceMs } = await slot.run(pending.task, pending)
      typical = !pending.settled
      pending.resolve(value, serviceMs)
    } catch (thrown) {
      const error = toDiffiqaError(thrown)
      typical = !pending.settled && !slot.dead
      pending.reject(error)
    } finally {
      this.#queue.finish(pending, typical)
      // A slot that was ended is no longer in the seat; a dead one is about to leave it.
      if (seat.slot === slot) clearTimeout(seat.timer)
      if (seat.slot === slot && !slot.dead) {
        if (typical) seat.deaths = 0
        seat.state = 'idle'
      }
      this.#pump()
    }
  }

  #bite(seat: Seat, slot: WorkerSlot, pending: PendingTask): void {
    if (seat.slot !== slot) return
    pending.reject(new DiffiqaError('worker-crashed', undefined, { details: { reason: 'watchdog' } }))
    this.#queue.finish(pending, false)
    void slot.stop()
    this.#replace(seat, 'watchdog')
  }

  #start(seat: Seat): void {
    seat.state = 'starting'
    const slot = this.#options.createSlot((error) => {
      if (seat.slot === slot) this.#replace(seat, error.details.reason === 'memory' ? 'memory' : 'crash')
    })
    seat.slot = slot
    const failed = (error: DiffiqaError) => {
      clearTimeout(timer)
      if (seat.slot === slot && seat.state === 'starting') this.#onStartFailed(seat, error)
    }
    const timer = setTimeout(() => {
      const message = `A scoring worker did not load within ${this.#options.startTimeoutMs} ms`
      failed(new DiffiqaError('worker-crashed', message, { details: { reason: 'start-timeout' } }))
    }, this.#options.startTimeoutMs)
    seat.timer = timer
    const loaded = () => {
      clearTimeout(timer)
      if (seat.slot !== slot || seat.state !== 'starting' || this.#state === 'closed') return
      seat.state = 'idle'
      if (this.#state === 'starting' && this.#threads() === this.#seats.length) {
        this.#state = 'open'
        this.#settleReady.resolve()
      }
      this.#pump()
    }
    slot.start().then(loaded, (error) => failed(toDiffiqaError(error)))
  }

  #onStartFailed(seat: Seat, error: DiffiqaError): void {
    void seat.slot?.stop()
    if (this.#state === 'closed') return
    if (this.#state === 'starting') {
      // What fails at the first attempt fails at every one: a missing model, a missing native module, a broken worker file.
      this.#failure = error
      void this.close({ timeoutMs: 0 })
      return
    }
    this.#replace(seat, error.details.reason === 'memory' ? 'memory' : 'crash')
  }

  #replace(seat: Seat, reason: RestartReason): void {
    if (this.#state === 'closed') return
    clearTimeout(seat.timer)
    seat.slot = undefined
    seat.state = 'down'
    seat.deaths++
    // The first replacement comes at once: one bad photo must not cost more than one load.
    const delayMs = seat.deaths === 1 ? 0 : Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (seat.deaths - 2))
    if (delayMs === 0) {
      this.#start(seat)
    } else {
      seat.retryAt = performance.now() + delayMs
      seat.timer = setTimeout(() => this.#start(seat), delayMs).unref()
    }
    this.#queue.threads = this.#threads()
    for (const listener of this.#restartListeners) listener(reason)
  }
}
