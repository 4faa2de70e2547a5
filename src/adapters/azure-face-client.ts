import { DiffiqaError } from '../errors.ts'
import { ServiceRefusal } from './service-client.ts'

/** What the adapter calls of `createFaceClient()` of @azure-rest/ai-vision-face. */
export interface AzureFaceLike {
  path(route: string, ...parameters: string[]): unknown
}

interface AzureResponse {
  readonly status: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: unknown
}

interface AzureRequest {
  readonly body?: unknown
  readonly contentType?: string
  readonly queryParameters?: Readonly<Record<string, unknown>>
}

type AzureMethod = 'get' | 'post' | 'delete'
type AzureRoute = Record<AzureMethod, (options: object) => PromiseLike<AzureResponse>>

/** Sends one request and gives its parsed answer. */
export type AzureCall = (
  method: AzureMethod,
  route: readonly [string, ...string[]],
  request: AzureRequest,
  signal: AbortSignal | undefined,
) => Promise<unknown>

/**
 * The client does not throw for 4xx and 5xx; this does.
 * @returns throws DiffiqaError `matcher-failed` for them, with details `status` and Azure's `code`; what the client throws stays itself.
 */
export function azureCalls(client: AzureFaceLike): AzureCall {
  return async (method, [route, ...parameters], request, signal) => {
    const path = client.path(route, ...parameters) as AzureRoute
    const { status, headers, body } = await path[method]({ ...request, ...(signal && { abortSignal: signal }) })
    if (/^2\d\d$/.test(status)) return body
    const cause = new ServiceRefusal(Number(status), body, headers['retry-after'] ?? null)
    const code = (body as { error?: { code?: unknown } } | undefined)?.error?.code
    throw new DiffiqaError('matcher-failed', `Azure Face answered ${status}`, {
      cause,
      details: { status: Number(status), ...(typeof code === 'string' && { code }) },
      ...(cause.retryAfterSeconds !== undefined && { retryAfterSeconds: cause.retryAfterSeconds }),
    })
  }
}
