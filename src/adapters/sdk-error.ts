import { DiffiqaError, type DiffiqaErrorOptions, type ErrorCode, isDiffiqaError } from '../errors.ts'
import type { CallOptions, Matcher } from './matcher.ts'

/** What an SDK's error means, or undefined where the adapter does not know it. */
export type ReadError = (error: unknown) => (DiffiqaErrorOptions & { readonly code: ErrorCode }) | undefined

const LOST = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE']
const LATE = ['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'ECONNABORTED', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT']

/**
 * The code of an HTTP status that says everything; undefined for the others, 404 among them: it has another meaning with each service.
 */
export function codeOfStatus(status: number | undefined): ErrorCode | undefined {
  if (status === 401 || status === 403) return 'matcher-unauthorised'
  if (status === 408 || status === 504) return 'matcher-timeout'
  if (status === 413) return 'payload-too-large'
  if (status === 429 || status === 503) return 'matcher-throttled'
  return undefined
}

/** Seconds of a `Retry-After` header; undefined for a date or anything else. */
export function readRetryAfter(header: unknown): number | undefined {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) : undefined
}

/** The code of an error of the network, its causes looked through; undefined for any other error. */
export function codeOfNetwork(error: unknown): ErrorCode | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const { code, name } = cause as { code?: unknown; name: string }
    if (LOST.includes(code as string) || code === 'UND_ERR_SOCKET') return 'matcher-unreachable'
    if (LATE.includes(code as string) || name === 'TimeoutError') return 'matcher-timeout'
  }
  return undefined
}

/** An error of an SDK under one of our codes; the error itself is the `cause`. A {@link DiffiqaError} stays what it is. */
export function matcherError(matcher: string, error: unknown, read: ReadError = () => undefined): DiffiqaError {
  if (isDiffiqaError(error)) return error
  const { code, ...options } = read(error) ?? { code: codeOfNetwork(error) ?? 'matcher-failed' }
  return new DiffiqaError(code, undefined, { ...options, cause: error, details: { matcher, ...options.details } })
}

/**
 * The same matcher, its errors under our codes. What ends an aborted call stays as it is.
 */
export function withCodes<M extends Matcher>(matcher: M, read?: ReadError): M {
  const wrap =
    (owner: object, method: (...given: never[]) => Promise<unknown>) =>
    async (...given: unknown[]): Promise<unknown> => {
      try {
        return await method.apply(owner, given as never[])
      } catch (error) {
        if ((given.at(-1) as CallOptions | undefined)?.signal?.aborted) throw error
        throw matcherError(matcher.name, error, read)
      }
    }
  const wrapped = <O extends object>(owner: O, names: readonly (keyof O)[]): Partial<O> =>
    Object.fromEntries(
      names.flatMap((name) => (owner[name] ? [[name, wrap(owner, owner[name] as never)] as const] : [])),
    ) as Partial<O>
  const { embeddings } = matcher
  return {
    ...matcher,
    ...wrapped<Matcher>(matcher, ['identify', 'verify', 'enrol', 'remove', 'embed']),
    ...(embeddings && { embeddings: { ...embeddings, ...wrapped(embeddings, ['describe', 'search']) } }),
  }
}
