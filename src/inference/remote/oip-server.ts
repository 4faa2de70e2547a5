import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
} from 'cockatiel'
import { DiffiqaError, isDiffiqaError } from '../../errors.ts'
import type { Manifest } from '../manifest.ts'
import { MODEL_CONTRACTS } from '../model-contract.ts'
import { checkSelfTest } from '../self-test.ts'
import type { Tensor } from '../tensor-model.ts'
import { HttpCaller, type HttpCallerOptions } from './http-caller.ts'
import { decodeAnswer, type Encoding, encodeRequest, parseJson } from './oip-codec.ts'
import { invalidAnswer, unavailable } from './remote-errors.ts'
import type { RemoteModelName } from './remote-models.ts'

export type Feeds = Readonly<Record<string, Tensor>>

export interface OipServerOptions extends HttpCallerOptions {
  /** Name on the server by network. */
  readonly models: Readonly<Partial<Record<RemoteModelName, string>>>
  readonly selfTest: Manifest['selfTest']
  /** Most rows of one call; the proof sends as many. */
  readonly maxBatch: number
  /** Milliseconds one call may take. */
  readonly timeoutMs: number
}

/** Most that an answer of the start-up proof may differ, where the manifest does not allow less. */
const PROOF_TOLERANCE = 1e-3
/** A server that has just started compiles, loads and allocates at its first call. */
const PROOF_TIMEOUT_MS = 30_000
/** A call that was given less time says nothing about the server when it runs out. */
const FAIR_MS = 250
const FAULTS_TO_OPEN = 3
const RETRY_MS = { initialDelay: 500, maxDelay: 15_000 }

/** What a server says about itself and its models; unchecked. */
interface Metadata {
  readonly name?: unknown
  readonly extensions?: unknown
  readonly inputs?: readonly { readonly name?: unknown; readonly shape?: unknown }[]
}

/** One server of the Open Inference Protocol, behind its circuit breaker. Takes calls only after it has proven its models. */
export class OipServer {
  /** Host and port, for events and logs. */
  readonly name: string
  readonly #options: OipServerOptions
  readonly #http: HttpCaller
  readonly #breaker: CircuitBreakerPolicy
  readonly #closed = new AbortController()
  #encoding: Encoding = 'json'
  /** The server understands the request parameter `timeout`. */
  #takesTimeout = false
  /** Inputs that the server declares with one dimension of length 1 more than the network has: Triton's way with scalars. */
  readonly #padded = new Set<string>()
  #proven = false

  constructor(options: OipServerOptions) {
    this.name = options.url.host
    this.#options = options
    this.#http = new HttpCaller(options)
    this.#breaker = circuitBreaker(handleWhen(isFault), {
      halfOpenAfter: new ExponentialBackoff(RETRY_MS),
      breaker: new ConsecutiveBreaker(FAULTS_TO_OPEN),
    })
  }

  /** Proven, and not failing. */
  get usable(): boolean {
    return this.#proven && this.#breaker.state === CircuitState.Closed
  }

  get encoding(): Encoding {
    return this.#encoding
  }

  /**
   * Runs a network on the server.
   *
   * @param rows - first dimension of every feed
   * @param remainingMs - until nobody waits for the answer any more
   * @throws DiffiqaError as `HttpCaller.call()`, and `inference-invalid-answer`, `invalid-model-output`; `inference-unavailable`
   * (details.reason `down`) while the circuit breaker is open
   */
  async infer(
    model: RemoteModelName,
    feeds: Feeds,
    rows: number,
    remainingMs: number,
  ): Promise<Record<string, Tensor>> {
    if (!this.usable) throw unavailable('down')
    const limitMs = Math.min(remainingMs, this.#options.timeoutMs)
    try {
      return await this.#breaker.execute(() => this.#call(model, feeds, rows, limitMs, this.#encoding))
    } finally {
      // What comes back may be another server: it proves itself again.
      if (this.#breaker.state !== CircuitState.Closed) this.#proven = false
    }
  }

  /**
   * Finds out how the server wants its tensors, and lets each network answer the manifest's synthetic tensor. Counts for the circuit
   * breaker; while that is open it refuses this too until its time has come.
   *
   * @throws DiffiqaError as `infer()`; `model-incompatible` when a network answers otherwise than the manifest says (details.model)
   */
  async prove(): Promise<void> {
    this.#proven = false
    await this.#breaker.execute(async () => {
      await this.#getToKnow()
      for (const model of this.#models()) await this.#proveModel(model, this.#encoding, this.#options.maxBatch)
    })
    this.#proven = true
  }

  close(): void {
    this.#closed.abort()
    this.#http.close()
  }

  #models(): RemoteModelName[] {
    return Object.keys(this.#options.models) as RemoteModelName[]
  }

  async #getToKnow(): Promise<void> {
    const server = await this.#metadata('/v2')
    if (typeof server.name !== 'string') throw invalidAnswer('not-oip', 'The server does not say who it is at /v2')
    const extensions = Array.isArray(server.extensions) ? server.extensions : []
    this.#takesTimeout = extensions.includes('schedule_policy')
    this.#padded.clear()
    for (const model of this.#models()) await this.#readInputs(model)
    this.#encoding = await this.#chooseEncoding(server.name, extensions)
  }

  async #readInputs(model: RemoteModelName): Promise<void> {
    const { inputs } = await this.#metadata(this.#path(model))
    const feeds = MODEL_CONTRACTS[model].selfTestFeeds()
    for (const input of Array.isArray(inputs) ? inputs : []) {
      const rank = feeds[String(input?.name)]?.dims.length ?? 0
      if (Array.isArray(input?.shape) && input.shape.length === rank + 1) this.#padded.add(`${model}:${input.name}`)
    }
  }

  /**
   * Servers that list the extension have it, some have it without saying so, and MLServer 1.7 answers 500 to it: so the first is believed,
   * MLServer is spared, and the others are tried once.
   */
  async #chooseEncoding(name: string, extensions: readonly unknown[]): Promise<Encoding> {
    if (extensions.includes('binary_tensor_data')) return 'binary'
    const model = this.#models()[0]
    if (!model || /mlserver/i.test(name)) return 'json'
    try {
      await this.#proveModel(model, 'binary', 1)
      return 'binary'
    } catch (error) {
      const understood = isDiffiqaError(error) && error.code === 'model-incompatible'
      if (understood || isConnectionFault(error)) throw error
      return 'json'
    }
  }

  async #proveModel(model: RemoteModelName, encoding: Encoding, rows: number): Promise<void> {
    const { outputs, selfTestFeeds } = MODEL_CONTRACTS[model]
    const feeds = Object.fromEntries(
      Object.entries(selfTestFeeds()).map(([name, tensor]) => [name, repeat(tensor, rows)]),
    )
    const answers = await this.#call(model, feeds, rows, PROOF_TIMEOUT_MS, encoding)
    const { data } = answers[outputs[0] as string] as Tensor
    const expected = this.#options.selfTest[model]
    const width = data.length / rows
    for (let row = 0; row < rows; row++) {
      const answer = data.subarray(row * width, (row + 1) * width)
      checkSelfTest(model, answer, expected, PROOF_TOLERANCE)
    }
  }

  async #call(
    model: RemoteModelName,
    feeds: Feeds,
    rows: number,
    limitMs: number,
    encoding: Encoding,
  ): Promise<Record<string, Tensor>> {
    const { outputs } = MODEL_CONTRACTS[model]
    const shaped = Object.fromEntries(
      Object.entries(feeds).map(([input, { data, dims }]) => [
        input,
        { data, dims: this.#padded.has(`${model}:${input}`) ? [...dims, 1] : dims },
      ]),
    )
    const parameters = this.#takesTimeout ? { timeout: Math.round(limitMs * 1000) } : {}
    const { headers, body } = encodeRequest(shaped, outputs, encoding, parameters)
    const path = `${this.#path(model)}/infer`
    const answer = await this.#timed(limitMs, (signal) =>
      this.#http.call({ method: 'POST', path, headers, body, signal }),
    ).catch((error) => {
      throw aboutModel(error, this.#options.models[model])
    })
    const tensors = decodeAnswer(answer.headers, answer.body, outputs, rows)
    for (const [output, { data }] of Object.entries(tensors)) {
      if (allFinite(data)) continue
      throw new DiffiqaError(
        'invalid-model-output',
        `Output "${output}" of the model "${model}" holds unusable numbers`,
        {
          details: { model, output },
        },
      )
    }
    return tensors
  }

  async #metadata(path: string): Promise<Metadata> {
    const { body } = await this.#timed(PROOF_TIMEOUT_MS, (signal) =>
      this.#http.call({ method: 'GET', path, signal }),
    ).catch((error) => {
      throw aboutModel(error, path === '/v2' ? undefined : decodeURIComponent(path.slice('/v2/models/'.length)))
    })
    const value = parseJson(body)
    if (typeof value !== 'object' || value === null) throw invalidAnswer('not-oip', `${path} is not an object`)
    return value
  }

  #path(model: RemoteModelName): string {
    return `/v2/models/${encodeURIComponent(this.#options.models[model] ?? '')}`
  }

  async #timed<T>(limitMs: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      // `execute()` hands on a signal that fires at the end of the time, and when this server is closed.
      return await timeout(limitMs, TimeoutStrategy.Aggressive).execute(
        ({ signal }) => call(signal),
        this.#closed.signal,
      )
    } catch (error) {
      // The call may notice the end of its time before the policy has told of it.
      const ended = error instanceof TaskCancelledError || (isDiffiqaError(error) && error.details.reason === 'timeout')
      if (!ended) throw error
      const fair = limitMs >= Math.min(FAIR_MS, this.#options.timeoutMs)
      throw unavailable('timeout', { cause: error, details: { fair } })
    }
  }
}

/** What speaks against the server; neither a call whose time was short anyway nor one that it turned away for having enough to do. */
function isFault(error: unknown): boolean {
  if (!isDiffiqaError(error)) return true
  const { reason, fair, httpStatus } = error.details
  return reason === 'timeout' ? fair !== false : httpStatus !== 429
}

/** Nobody was there to understand or misunderstand anything. */
function isConnectionFault(error: unknown): boolean {
  if (!isDiffiqaError(error)) return true
  const { reason } = error.details
  return (
    error.code === 'inference-untrusted' || reason === 'connection' || reason === 'timeout' || reason === 'redirect'
  )
}

/** A refusal names the model that was asked for. */
function aboutModel(error: unknown, model: string | undefined): unknown {
  if (model === undefined || !isDiffiqaError(error) || error.code !== 'inference-refused') return error
  return new DiffiqaError('inference-refused', `${error.message} when asked for the model "${model}"`, {
    cause: error.cause,
    details: { ...error.details, model },
  })
}

function repeat({ data, dims }: Tensor, rows: number): Tensor {
  const all = new Float32Array(data.length * rows)
  for (let row = 0; row < rows; row++) all.set(data, row * data.length)
  return { data: all, dims: [rows, ...dims.slice(1)] }
}

function allFinite(numbers: Float32Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false
  return true
}
