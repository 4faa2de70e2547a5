import { DiffiqaError } from '../errors.ts'
import { codeOfStatus, readRetryAfter } from './sdk-error.ts'

export type ServiceMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface ServiceRequest {
  readonly method: ServiceMethod
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: FormData | string | Uint8Array<ArrayBuffer>
  /** Take an answer without a body for `undefined`. @default false */
  readonly allowEmpty?: boolean
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** A refusal of the service, before anybody translated it. */
export class ServiceRefusal extends Error {
  override readonly name = 'ServiceRefusal'
  readonly status: number
  /** The parsed JSON, or undefined. */
  readonly body: unknown
  /** Seconds of its Retry-After. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, body: unknown, retryAfter: string | null) {
    super(`The service answered ${status}`)
    this.status = status
    this.body = body
    this.retryAfterSeconds = readRetryAfter(retryAfter)
  }
}

/**
 * One JSON request, without retries. Redirects are not followed: the key in the headers is meant for this host.
 * @returns the parsed body of an answer of 2xx.
 * @throws ServiceRefusal for any other status; the reason of `signal` when it ended the call; DiffiqaError `matcher-unreachable` for network
 *   errors, `matcher-timeout` after `timeoutMs`, `matcher-invalid-answer` for a body that is no JSON object or list.
 */
export async function requestJson(name: string, request: ServiceRequest): Promise<unknown> {
  const { method, url, headers, body, timeoutMs, signal, allowEmpty = false } = request
  const limit = AbortSignal.timeout(timeoutMs)
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method,
      headers,
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(body && { body }),
    })
    text = await response.text()
  } catch (cause) {
    signal?.throwIfAborted()
    if (limit.aborted) throw new DiffiqaError('matcher-timeout', `${name} took more than ${timeoutMs} ms`, { cause })
    throw new DiffiqaError('matcher-unreachable', `${name} cannot be reached`, { cause })
  }
  const parsed = parse(text)
  if (!response.ok) throw new ServiceRefusal(response.status, parsed, response.headers.get('retry-after'))
  if (typeof parsed === 'object' && parsed !== null) return parsed
  if (allowEmpty && text.trim() === '') return undefined
  throw new DiffiqaError('matcher-invalid-answer', `${name} did not answer JSON`)
}

/** A refusal under the code of its status, `matcher-failed` where the status does not say it; `code` is the service's own, for the details. */
export function refusalError(name: string, refusal: ServiceRefusal, code?: string | number): DiffiqaError {
  const { status, retryAfterSeconds } = refusal
  return new DiffiqaError(codeOfStatus(status) ?? 'matcher-failed', `${name} answered ${status}`, {
    cause: refusal,
    details: { status, ...(code !== undefined && { code }) },
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
