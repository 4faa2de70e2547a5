import { DiffiqaError, type ErrorCode, isDiffiqaError } from '../../errors.ts'

/** What Redis or its client says, by the code it means; the first that fits counts. */
const KINDS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/NOAUTH|WRONGPASS|NOPERM|invalid password|without any password/, 'redis-unauthorised'],
  [/\bOOM\b/, 'redis-full'],
  [/READONLY|MISCONF|NOREPLICAS|read only/, 'redis-read-only'],
  [/LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN/, 'redis-unreachable'],
]

const HINTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  'redis-unauthorised': 'wants another password, or the user may not do this',
  'redis-full': 'has no memory left (maxmemory)',
  'redis-read-only': 'takes no writes: it is a replica, or cannot save to its disk',
  'redis-unreachable': 'does not answer',
  'redis-refused': 'refused a command',
}

/**
 * The typed error for a failed command or connection. Its message never holds the address as it was given, which may have a password.
 * @param server - host and port, for the message
 */
export function redisError(error: unknown, server: string): DiffiqaError {
  if (isDiffiqaError(error)) return error
  const code = codeOf(error)
  return new DiffiqaError(code, `Redis at ${server} ${HINTS[code]}${detail(code, error)}`, { cause: error })
}

export function codeOf(error: unknown): ErrorCode {
  if (isDiffiqaError(error)) return error.code
  const said = saidBy(error)
  const kind = KINDS.find(([pattern]) => pattern.test(said))
  if (kind) return kind[1]
  return error instanceof Error && error.name === 'ReplyError' ? 'redis-refused' : 'redis-unreachable'
}

/** A transaction that was given up names its reasons beside its own. */
function saidBy(error: unknown): string {
  const { message, previousErrors } = error as { message?: string; previousErrors?: readonly Error[] }
  return [...(previousErrors ?? []).map((one) => one.message), message ?? String(error)].join('; ')
}

function detail(code: ErrorCode, error: unknown): string {
  if (code === 'redis-refused') return `: ${saidBy(error)}`
  const system = (error as NodeJS.ErrnoException | undefined)?.code
  return code === 'redis-unreachable' && typeof system === 'string' ? ` (${system})` : ''
}
