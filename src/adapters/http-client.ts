import { DiffiqaError, type ErrorCode } from '../errors.ts'
import { refusalError, requestJson, type ServiceMethod, ServiceRefusal } from './service-client.ts'

/** One request to a REST service. At most one of `json`, `form` and `bytes` is the body. */
export interface HttpRequest {
  /** @default 'POST' */
  readonly method?: ServiceMethod
  /** Below the service's address, one entry for each part between slashes; each is encoded. */
  readonly path: readonly string[]
  readonly query?: Readonly<Record<string, string | number | boolean>>
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  /** Sent as multipart/form-data; bytes become files. */
  readonly form?: Readonly<Record<string, string | Uint8Array>>
  readonly bytes?: Uint8Array
}

/** What a service refused, before anybody translated it. */
export interface HttpRefusal {
  readonly status: number
  /** The parsed JSON, or undefined. */
  // biome-ignore lint/suspicious/noExplicitAny: the service's own shape, which only the caller knows.
  readonly body: any
}

export interface HttpServer {
  /** Whose answers these are, for messages. */
  readonly name: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** What a refusal means, where the status alone does not tell. */
  readonly error?: ((refusal: HttpRefusal) => ErrorCode | undefined) | undefined
}

/** Sends one request; gives the parsed answer, undefined for an empty one. */
export type HttpAsk = (request: HttpRequest, signal: AbortSignal | undefined) => Promise<unknown>

/**
 * @returns throws a DiffiqaError for refusals (details `status`, `cause` what came), `matcher-unreachable`, `matcher-timeout`,
 *   `matcher-invalid-answer`, `invalid-subject` for a part of a path that is none, or the reason of the signal.
 */
export function httpClient({ name, url, headers, timeoutMs, error: read }: HttpServer): HttpAsk {
  return async (request, signal) => {
    const { body, type } = encode(request)
    const sent = {
      method: request.method ?? 'POST',
      url: address(url, request),
      headers: { accept: 'application/json', ...headers, ...type, ...request.headers },
      ...(body !== undefined && { body }),
      allowEmpty: true,
      timeoutMs,
      signal,
    }
    try {
      return await requestJson(name, sent)
    } catch (error) {
      if (!(error instanceof ServiceRefusal)) throw error
      const { status, body: answer, retryAfterSeconds } = error
      const code = read?.({ status, body: answer })
      if (code === undefined) throw refusalError(name, error)
      throw new DiffiqaError(code, undefined, {
        cause: error,
        details: { status },
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      })
    }
  }
}

/**
 * Servers undo the encoding before they look for the route, so no part may be able to change it.
 * @throws DiffiqaError `invalid-subject`.
 */
function address(base: URL, { path, query = {} }: HttpRequest): URL {
  for (const part of path)
    if (part === '' || part === '.' || part === '..' || /[/\\]/.test(part))
      throw new DiffiqaError('invalid-subject', 'The subject identifier cannot be part of an address')
  const url = new URL(base)
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/${path.map(encodeURIComponent).join('/')}`
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value))
  return url
}

function encode({ json, form, bytes }: HttpRequest): {
  readonly body?: FormData | string | Uint8Array<ArrayBuffer>
  readonly type?: Readonly<Record<string, string>>
} {
  if (json !== undefined) return { body: JSON.stringify(json), type: { 'content-type': 'application/json' } }
  if (bytes) return { body: new Uint8Array(bytes), type: { 'content-type': 'application/octet-stream' } }
  if (!form) return {}
  const data = new FormData()
  for (const [field, value] of Object.entries(form)) {
    if (typeof value === 'string') data.append(field, value)
    else data.append(field, new Blob([new Uint8Array(value)]), 'photo')
  }
  return { body: data }
}
