import { DiffiqaError, type ErrorCode } from '../errors.ts'
import type { ReadError } from './sdk-error.ts'
import { refusalError, ServiceRefusal } from './service-client.ts'

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

/** Azure's own codes that say more than the status. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  LargePersonGroupNotFound: 'gallery-missing',
  PersonNotFound: 'subject-unknown',
  InvalidImage: 'unreadable-image',
  InvalidImageSize: 'payload-too-large',
  QuotaExceeded: 'matcher-throttled',
  // The same call succeeds once the other one, or the training, has ended.
  LargePersonGroupTrainingNotFinished: 'matcher-throttled',
  ConcurrentOperationConflict: 'matcher-throttled',
}

/** Codes that mean several things: only the text tells. */
const TEXTS: readonly (readonly [code: string, text: RegExp, ours: ErrorCode])[] = [
  ['InvalidImage', /no face/i, 'no-face'],
  ['InvalidImage', /more than 1 face/i, 'several-faces'],
  ['InvalidImageSize', /too small/i, 'unreadable-image'],
  ['BadArgument', /recognitionModel.* incompatible/i, 'embedding-mismatch'],
]

function codeOf({ code, message }: { readonly code?: unknown; readonly message?: unknown }): ErrorCode | undefined {
  const text = TEXTS.find(([its, pattern]) => its === code && pattern.test(String(message)))
  return text?.[2] ?? (typeof code === 'string' && Object.hasOwn(CODES, code) ? CODES[code] : undefined)
}

/** What the client itself throws; network errors are known by their own codes. */
export const readAzureError: ReadError = (error) =>
  (error as { code?: unknown } | null)?.code === 'PARSE_ERROR' ? { code: 'matcher-invalid-answer' } : undefined

/**
 * The client does not throw for 4xx and 5xx; this does.
 * @returns throws a DiffiqaError for them, with details `status` and Azure's `code`; what the client throws stays itself.
 */
export function azureCalls(client: AzureFaceLike): AzureCall {
  return async (method, [route, ...parameters], request, signal) => {
    const path = client.path(route, ...parameters) as AzureRoute
    const { status, headers, body } = await path[method]({ ...request, ...(signal && { abortSignal: signal }) })
    if (/^2\d\d$/.test(status)) return body
    const cause = new ServiceRefusal(Number(status), body, headers['retry-after'] ?? null)
    const given = (body as { error?: { code?: unknown; message?: unknown } } | undefined)?.error ?? {}
    const code = typeof given.code === 'string' ? given.code : undefined
    const ours = codeOf(given)
    if (ours === undefined) throw refusalError('Azure Face', cause, code)
    const { retryAfterSeconds } = cause
    throw new DiffiqaError(ours, undefined, {
      cause,
      details: { status: cause.status, code },
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    })
  }
}
