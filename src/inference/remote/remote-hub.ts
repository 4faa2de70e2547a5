import { type DiffiqaError, isDiffiqaError } from '../../errors.ts'
import type { TaskKind } from '../backend.ts'
import { toDiffiqaError } from '../error-wire.ts'
import type { Manifest } from '../manifest.ts'
import { retryAfterSeconds } from '../retry-after.ts'
import type { Tensor } from '../tensor-model.ts'
import { type Feeds, OipServer } from './oip-server.ts'
import type { RemoteInference } from './open-inference.ts'
import { mayTryElsewhere, unavailable } from './remote-errors.ts'
import { REMOTE_MODEL_NAMES, type RemoteModelName } from './remote-models.ts'
import { joinFeeds, rowsOf, splitAnswer } from './tensor-batch.ts'

/** A server can be used from now on, or cannot any more. */
export interface ServerChange {
  /** Host and port. */
  readonly server: string
  readonly usable: boolean
  /** Why it cannot be used. */
  readonly error: DiffiqaError | undefined
}

interface Waiting {
  readonly feeds: Feeds
  readonly rows: number
  /** Instant of `performance.now()`. */
  readonly deadline: number
  readonly resolve: (answer: Record<string, Tensor>) => void
  readonly reject: (error: DiffiqaError) => void
}

/** How often servers that are down are looked at; their circuit breakers decide whether anything is sent. */
const REVIVE_MS = 250
/** A second attempt with less time left would only be one more late answer. */
const WORTH_A_RETRY_MS = 20
/** What a client is told to wait when no server can be used. */
const DOWN_WAIT_MS = 2000

/**
 * All calls of a gate's remote networks: over the servers in turn, at most so many at once, and what has to wait travels together. The
 * fast score's network goes before those of full DifFIQA.
 */
export class RemoteHub {
  readonly #options: RemoteInference
  readonly #servers: readonly OipServer[]
  readonly #waiting = new Map<RemoteModelName, Waiting[]>()
  readonly #listeners = new Set<(change: ServerChange) => void>()
  readonly #reviving = new Set<OipServer>()
  /** Last thing told about each server. */
  readonly #told = new Map<OipServer, boolean>()
  #turn = 0
  #inFlight = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  private constructor(options: RemoteInference, { selfTest }: Manifest) {
    this.#options = options
    const { models, headers, tls, timeoutMs, maxConcurrent, maxBatch, urls } = options
    this.#servers = urls.map(
      (url) => new OipServer({ url, headers, tls, connections: maxConcurrent, models, selfTest, maxBatch, timeoutMs }),
    )
  }

  /**
   * Lets every server prove its models. Servers that cannot be reached are tried again later as long as one can; one that computes
   * something else, or is no inference server, is a mistake of the configuration and fails the whole.
   *
   * @throws DiffiqaError whatever `OipServer.prove()` throws
   */
  static async open(options: RemoteInference, manifest: Manifest): Promise<RemoteHub> {
    const hub = new RemoteHub(options, manifest)
    const proofs = await Promise.allSettled(hub.#servers.map((server) => server.prove()))
    const failures = proofs.flatMap((proof) => (proof.status === 'rejected' ? [toDiffiqaError(proof.reason)] : []))
    const worst = failures.find(({ code }) => code !== 'inference-unavailable') ?? failures[0]
    if (worst && (worst.code !== 'inference-unavailable' || failures.length === proofs.length)) {
      hub.close()
      throw worst
    }
    for (const [index, server] of hub.#servers.entries()) {
      const proof = proofs[index]
      hub.#tell(server, proof?.status === 'rejected' ? toDiffiqaError(proof.reason) : undefined)
    }
    return hub
  }

  /** True while a server can be used. */
  get ready(): boolean {
    return !this.#closed && this.#servers.some(({ usable }) => usable)
  }

  /** Does a task of this kind need a server? */
  serves(kind: TaskKind): boolean {
    const { regressor, embedder, denoiser } = this.#options.models
    return kind === 'fast' ? regressor !== undefined : embedder !== undefined || denoiser !== undefined
  }

  /** @throws DiffiqaError `inference-unavailable` (details.reason `down`) with `retryAfterSeconds` while no server can be used */
  admit(): void {
    if (!this.ready) throw unavailable('down', { retryAfterSeconds: retryAfterSeconds(DOWN_WAIT_MS, Math.random) })
  }

  /**
   * Runs a network on one of the servers. A call that could not be made, or was turned away, is made once more on another server, or on the
   * same where there is no other: networks remember nothing, so a second time does no harm.
   *
   * @param deadline - instant of `performance.now()`
   * @throws DiffiqaError `admit()`'s, and `OipServer.infer()`'s
   */
  run(model: RemoteModelName, feeds: Feeds, deadline: number): Promise<Record<string, Tensor>> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(model) ?? []
      this.#waiting.set(model, waiting)
      waiting.push({ feeds, rows: rowsOf(feeds), deadline, resolve, reject })
      this.#pump()
    })
  }

  /** Tells of each change from now on, and at once how it stands. Returns the function that unsubscribes. */
  onChange(listener: (change: ServerChange) => void): () => void {
    this.#listeners.add(listener)
    for (const server of this.#servers) listener({ server: server.name, usable: server.usable, error: undefined })
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    for (const server of this.#servers) server.close()
    for (const waiting of this.#waiting.values()) {
      for (const { reject } of waiting.splice(0)) reject(unavailable('down'))
    }
  }

  #pump(): void {
    const usable = this.#servers.filter((server) => server.usable).length
    // Without a server everything goes out at once, to be refused.
    const room = usable === 0 ? Number.POSITIVE_INFINITY : usable * this.#options.maxConcurrent
    while (this.#inFlight < room) {
      const model = REMOTE_MODEL_NAMES.toReversed().find((name) => (this.#waiting.get(name)?.length ?? 0) > 0)
      if (!model) return
      void this.#send(model, this.#take(model))
    }
  }

  /** The next call's worth of what waits. */
  #take(model: RemoteModelName): Waiting[] {
    const waiting = this.#waiting.get(model) ?? []
    const batch: Waiting[] = []
    let rows = 0
    for (
      let next = waiting[0];
      next && (batch.length === 0 || rows + next.rows <= this.#options.maxBatch);
      next = waiting[0]
    ) {
      waiting.shift()
      batch.push(next)
      rows += next.rows
    }
    return batch
  }

  async #send(model: RemoteModelName, batch: readonly Waiting[]): Promise<void> {
    this.#inFlight++
    try {
      const rows = batch.map((call) => call.rows)
      const deadline = Math.max(...batch.map((call) => call.deadline))
      const answer = await this.#attempt(model, joinFeeds(batch.map(({ feeds }) => feeds)), deadline)
      const parts = batch.length === 1 ? [answer] : splitAnswer(answer, rows)
      for (const [index, { resolve }] of batch.entries()) resolve(parts[index] as Record<string, Tensor>)
    } catch (thrown) {
      const error = toDiffiqaError(thrown)
      for (const { reject } of batch) reject(error)
    } finally {
      this.#inFlight--
      this.#pump()
    }
  }

  async #attempt(model: RemoteModelName, feeds: Feeds, deadline: number): Promise<Record<string, Tensor>> {
    const first = this.#next(undefined)
    try {
      return await this.#infer(first, model, feeds, deadline)
    } catch (error) {
      const second = this.#next(first)
      if (!second || !mayTryElsewhere(error) || deadline - performance.now() < WORTH_A_RETRY_MS) throw error
      // The only server, and it has said that it has enough to do.
      if (second === first && isDiffiqaError(error) && error.details.reason === 'overloaded') throw error
      return this.#infer(second, model, feeds, deadline)
    }
  }

  async #infer(
    server: OipServer | undefined,
    model: RemoteModelName,
    feeds: Feeds,
    deadline: number,
  ): Promise<Record<string, Tensor>> {
    this.admit()
    if (!server) throw unavailable('down')
    const remainingMs = deadline - performance.now()
    if (!(remainingMs > 0)) throw unavailable('timeout', { details: { fair: false } })
    try {
      return await server.infer(model, feeds, rowsOf(feeds), remainingMs)
    } catch (error) {
      this.#tell(server, toDiffiqaError(error))
      throw error
    }
  }

  /** The usable server whose turn it is, another than `last` where there is one. */
  #next(last: OipServer | undefined): OipServer | undefined {
    const usable = this.#servers.filter((server) => server.usable)
    const others = usable.filter((server) => server !== last)
    const choice = others.length > 0 ? others : usable
    return choice[this.#turn++ % choice.length]
  }

  /** Tells the listeners when the state of a server has changed, and starts to look after one that is down. */
  #tell(server: OipServer, error: DiffiqaError | undefined): void {
    const { usable } = server
    if (!usable && !this.#closed && this.#timer === undefined)
      this.#timer = setInterval(() => this.#revive(), REVIVE_MS).unref()
    if (this.#told.get(server) === usable) return
    this.#told.set(server, usable)
    for (const listener of this.#listeners) listener({ server: server.name, usable, error: usable ? undefined : error })
  }

  #revive(): void {
    const down = this.#servers.filter((server) => !server.usable)
    if (down.length === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
    for (const server of down) {
      if (this.#reviving.has(server)) continue
      this.#reviving.add(server)
      server
        .prove()
        .then(
          () => this.#tell(server, undefined),
          () => {},
        )
        .finally(() => {
          this.#reviving.delete(server)
          this.#pump()
        })
    }
  }
}
