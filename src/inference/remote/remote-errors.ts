import { DiffiqaError, isDiffiqaError } from '../../errors.ts'

export type UnavailableReason = 'connection' | 'timeout' | 'overloaded' | 'status' | 'down'
export type InvalidReason = 'not-http' | 'redirect' | 'not-oip' | 'not-json' | 'shape' | 'truncated' | 'too-large'

interface ErrorFacts {
  readonly cause?: unknown
  readonly details?: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds?: number
}

/**
 * The server cannot be asked now. Its address is in the cause only: this message may reach clients.
 */
export function unavailable(reason: UnavailableReason, facts: ErrorFacts = {}): DiffiqaError {
  return new DiffiqaError('inference-unavailable', undefined, { ...facts, details: { reason, ...facts.details } })
}

/** The server answered, but not as an inference server does. */
export function invalidAnswer(reason: InvalidReason, message: string, facts: ErrorFacts = {}): DiffiqaError {
  return new DiffiqaError('inference-invalid-answer', message, { ...facts, details: { reason, ...facts.details } })
}

/** True where the same call may succeed on another server: nothing was computed, and a network may be asked twice without harm. */
export function mayTryElsewhere(error: unknown): boolean {
  return isDiffiqaError(error) && error.code === 'inference-unavailable' && error.details.reason !== 'timeout'
}
