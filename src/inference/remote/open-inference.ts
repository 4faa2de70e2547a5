import { DiffiqaError } from '../../errors.ts'
import { checkOptions } from '../backend-options.ts'
import type { TlsOptions } from './http-caller.ts'
import { REMOTE_MODEL_NAMES, type RemoteModelName, SERVER_MODEL_NAMES } from './remote-models.ts'

export interface OpenInferenceOptions {
  /**
   * Of an Open Inference Protocol v2 server, `http:` or `https:`, without `/v2`; a path before it is kept. Several: calls go round, and to
   * another one when one fails.
   */
  readonly url: string | URL | readonly (string | URL)[]
  /**
   * Networks that run there, by their names on the server; the others stay in this process. Give only `regressor`, or all but it, to split
   * the work. @default all three, as `express-diffiqa export-models` names them
   */
  readonly models?: Readonly<Partial<Record<RemoteModelName, string>>>
  /** Sent with each call, for example `authorization`. @default {} */
  readonly headers?: Readonly<Record<string, string>>
  /** For `https:` servers whose certificate is of one's own authority, or that ask for a client's. @default Node's own */
  readonly tls?: TlsOptions
  /** Milliseconds for one call; never more than is left of the photo's deadline. @default 5000 */
  readonly timeoutMs?: number
  /** Calls at once to each server; faces that come meanwhile wait and travel together in the next call. @default 4 */
  readonly maxConcurrent?: number
  /** Most faces in one call, 8..64; the models have to take batches of this size. @default 8 */
  readonly maxBatch?: number
}

/** Where a gate's networks run, for `createGate({ inference })`. Opens nothing by itself. */
export interface RemoteInference {
  readonly kind: 'open-inference'
  readonly urls: readonly URL[]
  readonly models: Readonly<Partial<Record<RemoteModelName, string>>>
  readonly headers: Readonly<Record<string, string>>
  readonly tls: TlsOptions
  readonly timeoutMs: number
  readonly maxConcurrent: number
  readonly maxBatch: number
}

const KNOWN = [
  'url',
  'models',
  'headers',
  'tls',
  'timeoutMs',
  'maxConcurrent',
  'maxBatch',
] as const satisfies readonly (keyof OpenInferenceOptions)[]

/** As many crops as the code asks a network for at a time. */
const LEAST_BATCH = 8
const MOST_BATCH = 64

/**
 * Lets a server of the Open Inference Protocol v2 (Triton, KServe, MLServer, OpenVINO Model Server) run the networks. Decoding, detection
 * and alignment stay in this process: the server is sent nothing but tensors of 112×112 pixels, which are faces all the same.
 *
 * `createGate()` fails unless a server gives the manifest's answers to a stored synthetic tensor, within 1e-3.
 *
 * @throws DiffiqaError `invalid-option` (details.option)
 */
export function openInference(options: OpenInferenceOptions): RemoteInference {
  checkOptions(options, KNOWN, { timeoutMs: 1, maxConcurrent: 1, maxBatch: LEAST_BATCH })
  const { models = SERVER_MODEL_NAMES, headers = {}, tls = {}, maxBatch = LEAST_BATCH } = options
  checkOptions(models, REMOTE_MODEL_NAMES, {})
  checkOptions(tls, ['ca', 'cert', 'key'] satisfies (keyof TlsOptions)[], {})
  const named = Object.entries(models).filter(([, name]) => name !== undefined)
  if (named.length === 0 || named.some(([, name]) => typeof name !== 'string' || name === ''))
    throw invalid('models', 'Option "models" must name at least one network of the server')
  if (maxBatch > MOST_BATCH) throw invalid('maxBatch', `Option "maxBatch" must be at most ${MOST_BATCH}`)
  return Object.freeze({
    kind: 'open-inference',
    urls: urlsOf(options.url),
    models: Object.fromEntries(named),
    headers: checkHeaders(headers),
    tls: { ...tls },
    timeoutMs: options.timeoutMs ?? 5000,
    maxConcurrent: options.maxConcurrent ?? 4,
    maxBatch,
  })
}

export function isRemoteInference(value: unknown): value is RemoteInference {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'open-inference'
}

function urlsOf(given: OpenInferenceOptions['url']): URL[] {
  const list = Array.isArray(given) ? given : [given]
  const urls = list.map((one) => toUrl(one))
  if (urls.length === 0) throw invalid('url', 'Option "url" must name at least one server')
  if (new Set(urls.map(({ href }) => href)).size < urls.length)
    throw invalid('url', 'Option "url" names a server twice')
  return urls
}

function toUrl(given: unknown): URL {
  const url = typeof given === 'string' || given instanceof URL ? parseUrl(String(given)) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) throw invalid('url', 'Option "url" must be an http: or https: URL')
  // A password in a URL ends up in logs.
  if (url.username || url.password)
    throw invalid('url', 'Option "url" must not hold a user or password; give the headers they belong in')
  if (url.search || url.hash) throw invalid('url', 'Option "url" must have no query and no fragment')
  return url
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  try {
    return Object.fromEntries(new Headers(headers))
  } catch {
    // Node's message quotes the value, which may be a token.
    throw invalid('headers', 'Option "headers" has a name or value that HTTP does not allow')
  }
}

function invalid(option: string, message: string): DiffiqaError {
  return new DiffiqaError('invalid-option', message, { details: { option } })
}
