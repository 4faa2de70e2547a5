import { checkKeys, checkNumber, invalidOption } from './check-keys.ts'
import type { SharedScoreStore } from './shared-scores.ts'

export interface CacheOptions {
  /** Photos that are remembered. @default 1000 */
  readonly maxEntries?: number | undefined
  /** Milliseconds a photo's scores are kept. @default 600000 */
  readonly ttlMs?: number | undefined
  /** Share scores with other processes as well; docs/scale.md tells what that saves. @default none */
  readonly shared?: SharedCacheOptions | undefined
}

export interface SharedCacheOptions {
  /** Such as `redisScores(client)` of `express-diffiqa/redis`. */
  readonly store: SharedScoreStore
  /**
   * At least 32 bytes that nobody else knows, the same in every process: photos are known in the store by their HMAC with it only, and what the
   * store answers is believed by it only.
   */
  readonly secret: string | Uint8Array
  /** Milliseconds that a store may cost a photo at most, 1..10000. @default 50 */
  readonly timeoutMs?: number | undefined
  /** Milliseconds that the store keeps scores. @default 600000 */
  readonly ttlMs?: number | undefined
}

export interface ResolvedCacheOptions {
  readonly maxEntries: number
  readonly ttlMs: number
  readonly shared?: ResolvedSharedOptions
}

export interface ResolvedSharedOptions {
  readonly store: SharedScoreStore
  readonly secret: Uint8Array
  readonly timeoutMs: number
  readonly ttlMs: number
}

const TTL_RANGE = { min: 1, max: 86_400_000, integer: true } as const
const MIN_SECRET_BYTES = 32

/**
 * @returns undefined when there is to be no cache.
 * @throws DiffiqaError `invalid-option`.
 */
export function resolveCacheOptions(options: boolean | CacheOptions): ResolvedCacheOptions | undefined {
  if (options === false) return undefined
  const given = options === true ? {} : options
  checkKeys('cache', given, ['maxEntries', 'ttlMs', 'shared'])
  const { maxEntries = 1000, ttlMs = 600_000 } = given
  checkNumber('cache.maxEntries', maxEntries, { min: 1, max: 1_000_000, integer: true })
  checkNumber('cache.ttlMs', ttlMs, TTL_RANGE)
  const shared = given.shared === undefined ? undefined : resolveShared(given.shared)
  return Object.freeze({ maxEntries, ttlMs, ...(shared && { shared }) })
}

function resolveShared(given: SharedCacheOptions): ResolvedSharedOptions {
  checkKeys('cache.shared', given, ['store', 'secret', 'timeoutMs', 'ttlMs'])
  const { store, secret, timeoutMs = 50, ttlMs = 600_000 } = given
  if (typeof store?.get !== 'function' || typeof store.set !== 'function')
    throw invalidOption('cache.shared.store', 'cache.shared.store must have get() and set(), as redisScores() has')
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (!(bytes instanceof Uint8Array) || bytes.length < MIN_SECRET_BYTES)
    throw invalidOption('cache.shared.secret', `cache.shared.secret must have at least ${MIN_SECRET_BYTES} bytes`)
  checkNumber('cache.shared.timeoutMs', timeoutMs, { min: 1, max: 10_000, integer: true })
  checkNumber('cache.shared.ttlMs', ttlMs, TTL_RANGE)
  return Object.freeze({ store, secret: new Uint8Array(bytes), timeoutMs, ttlMs })
}
