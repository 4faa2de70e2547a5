import { checkKeys, checkNumber } from './check-keys.ts'

export interface CacheOptions {
  /** Photos that are remembered. @default 1000 */
  readonly maxEntries?: number | undefined
  /** Milliseconds a photo's scores are kept. @default 600000 */
  readonly ttlMs?: number | undefined
}

export interface ResolvedCacheOptions {
  readonly maxEntries: number
  readonly ttlMs: number
}

/**
 * @returns undefined when there is to be no cache.
 * @throws DiffiqaError `invalid-option`.
 */
export function resolveCacheOptions(options: boolean | CacheOptions): ResolvedCacheOptions | undefined {
  if (options === false) return undefined
  const given = options === true ? {} : options
  checkKeys('cache', given, ['maxEntries', 'ttlMs'])
  const { maxEntries = 1000, ttlMs = 600_000 } = given
  checkNumber('cache.maxEntries', maxEntries, { min: 1, max: 1_000_000, integer: true })
  checkNumber('cache.ttlMs', ttlMs, { min: 1, max: 86_400_000, integer: true })
  return Object.freeze({ maxEntries, ttlMs })
}
