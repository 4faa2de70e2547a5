import { checkKeys, invalidOption } from './check-keys.ts'
import type { SharedScoreStore } from './shared-scores.ts'

/** What is needed of an `ioredis` client. */
export interface RedisScoresClient {
  get(key: string): Promise<string | null>
  set(key: string, value: string, unit: 'PX', ms: number): Promise<unknown>
}

export interface RedisScoresOptions {
  /** Begins every key. @default 'diffiqa:score:' */
  readonly prefix?: string
}

/**
 * Keeps scores in Redis or Valkey, for `createGate({ cache: { shared: { store, secret } } })`. The client is the caller's to make and to close.
 * @param client of `ioredis`; any other takes an object with `get` and `set` of one's own
 * @throws DiffiqaError `invalid-option`
 */
export function redisScores(client: RedisScoresClient, options: RedisScoresOptions = {}): SharedScoreStore {
  checkKeys('', options, ['prefix'])
  const { prefix = 'diffiqa:score:' } = options
  if (typeof client?.get !== 'function' || typeof client.set !== 'function')
    throw invalidOption('client', 'redisScores() needs a client of ioredis')
  if (typeof prefix !== 'string') throw invalidOption('prefix', 'prefix must be a string')
  return {
    get: (key) => client.get(prefix + key),
    set: (key, value, ttlMs) => client.set(prefix + key, value, 'PX', ttlMs),
  }
}
