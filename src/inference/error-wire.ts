import { DiffiqaError, ERROR_CODES, type ErrorCode, isDiffiqaError } from '../errors.ts'

/** What is kept of a foreign error: enough to find the fault, nothing of its own properties. */
interface WireCause {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
  readonly cause: WireCause | undefined
}

/** A {@link DiffiqaError} as plain data: structured clone keeps neither its class nor its fields. */
export interface WireError {
  readonly code: ErrorCode
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | undefined
  readonly stack: string | undefined
  readonly cause: WireCause | undefined
}

const MAX_CAUSES = 4

/** Any thrown value as plain data; what is no DiffiqaError becomes `scoring-failed` with the thrown value as cause. */
export function toWireError(error: unknown): WireError {
  if (!isDiffiqaError(error)) {
    return {
      code: 'scoring-failed',
      message: ERROR_CODES['scoring-failed'].title,
      details: {},
      retryAfterSeconds: undefined,
      stack: undefined,
      cause: toWireCause(error, 0),
    }
  }
  return {
    code: error.code,
    message: error.message,
    details: cloneable(error.details),
    retryAfterSeconds: error.retryAfterSeconds,
    stack: error.stack,
    cause: error.cause === undefined ? undefined : toWireCause(error.cause, 0),
  }
}

/** The error again, with the stack of the thread it was thrown in. */
export function fromWireError(wire: WireError): DiffiqaError {
  const error = new DiffiqaError(wire.code, wire.message, {
    details: wire.details,
    ...(wire.cause && { cause: fromWireCause(wire.cause) }),
    ...(wire.retryAfterSeconds !== undefined && { retryAfterSeconds: wire.retryAfterSeconds }),
  })
  if (wire.stack) error.stack = wire.stack
  return error
}

/** Any thrown value as a DiffiqaError, without crossing a thread. */
export function toDiffiqaError(error: unknown): DiffiqaError {
  return isDiffiqaError(error) ? error : fromWireError(toWireError(error))
}

/** Details that cannot be cloned would make posting the answer throw, and that would end the worker. */
function cloneable(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    return structuredClone(details)
  } catch {
    return {}
  }
}

function toWireCause(error: unknown, depth: number): WireCause {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: `thrown ${typeof error}`, stack: undefined, code: undefined, cause: undefined }
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const cause = error.cause !== undefined && depth + 1 < MAX_CAUSES ? toWireCause(error.cause, depth + 1) : undefined
  return { name: error.name, message: error.message, stack: error.stack, code, cause }
}

function fromWireCause(wire: WireCause): Error {
  const error = new Error(wire.message, wire.cause && { cause: fromWireCause(wire.cause) })
  error.name = wire.name
  if (wire.stack) error.stack = wire.stack
  if (wire.code !== undefined) Object.assign(error, { code: wire.code })
  return error
}
