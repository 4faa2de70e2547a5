import type { ErrorCode } from '../errors.ts'
import type { ReadError } from './sdk-error.ts'

/** SQLSTATEs, or their classes of two characters; and what the system says of a socket that is not there. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  '08': 'matcher-unreachable',
  '28': 'matcher-unauthorised',
  '53': 'matcher-throttled',
  '3D000': 'gallery-missing',
  '42501': 'matcher-unauthorised',
  '42P01': 'gallery-missing',
  '57014': 'matcher-timeout',
  '57P01': 'matcher-unreachable',
  '57P02': 'matcher-unreachable',
  '57P03': 'matcher-unreachable',
  ENOENT: 'matcher-unreachable',
}

/** `pg` gives these no code. */
const MESSAGES: readonly [RegExp, ErrorCode][] = [
  [/timeout/i, 'matcher-timeout'],
  [/connection (terminated|ended)|client (was closed|has encountered)|pool after calling end/i, 'matcher-unreachable'],
  [/password must be a string/i, 'matcher-unauthorised'],
]

/** What the errors of `pg` mean; those of the network are known by their own codes. */
export const readPgError: ReadError = (error) => {
  if (!(error instanceof Error)) return undefined
  const { code: state, message } = error as Error & { readonly code?: unknown }
  if (typeof state === 'string') {
    const code = CODES[state] ?? (state.length === 5 ? CODES[state.slice(0, 2)] : undefined)
    return code && { code, details: { sqlState: state } }
  }
  const known = MESSAGES.find(([pattern]) => pattern.test(message))
  return known && { code: known[1] }
}
