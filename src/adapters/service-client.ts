import { DiffiqaError } from '../errors.ts'

export interface ServiceRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: FormData
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
    this.retryAfterSeconds = retryAfter !== null && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined
  }
}

/**
 * One JSON request, without retries. Redirects are not followed: the key in the headers is meant for this host.
 * @returns the parsed body of an answer of 2xx.
 * @throws ServiceRefusal for any other status; the reason of `signal` when it ended the call; DiffiqaError `matcher-failed` for network errors
 *   and after `timeoutMs`; DiffiqaError `matcher-invalid-answer` for a body that is no JSON object or list.
 */
export async function requestJson(name: string, request: ServiceRequest): Promise<unknown> {
  const { method, url, headers, body, timeoutMs, signal } = request
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
    const problem = limit.aborted ? `took more than ${timeoutMs} ms` : 'cannot be reached'
    throw new DiffiqaError('matcher-failed', `${name} ${problem}`, { cause })
  }
  const parsed = parse(text)
  if (!response.ok) throw new ServiceRefusal(response.status, parsed, response.headers.get('retry-after'))
  if (typeof parsed === 'object' && parsed !== null) return parsed
  throw new DiffiqaError('matcher-invalid-answer', `${name} did not answer JSON`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
