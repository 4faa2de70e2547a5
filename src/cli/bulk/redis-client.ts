import type { Redis } from 'ioredis'
import { DiffiqaError } from '../../errors.ts'
import { UsageError } from '../usage-error.ts'
import { redisError } from './redis-error.ts'
import { within } from './within.ts'

/** Long enough for a server behind a slow network, short enough for somebody who waits at a terminal. */
const CONNECT_MS = 5000
const LONGEST_PAUSE_MS = 2000

export interface RedisAddress {
  readonly url: string
  /** Host and port, for messages. */
  readonly server: string
}

/** @throws UsageError that does not repeat what was given: it may hold a password */
export function parseRedisUrl(text: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '')
    throw new UsageError('option --redis must be an address such as redis://host:6379 or rediss://user:password@host')
  return { url: text, server: `${url.hostname}:${url.port || 6379}` }
}

/** @throws DiffiqaError `redis-client-missing` */
export async function loadBullmq(): Promise<typeof import('bullmq')> {
  return import('bullmq').catch((cause: unknown) => {
    throw missing(cause)
  })
}

/**
 * A connection that has proved itself, and from then on comes back by itself however long the server is away.
 * @throws DiffiqaError `redis-client-missing`, `redis-unreachable`, `redis-unauthorised`, `redis-refused`
 */
export async function connectRedis({ url, server }: RedisAddress): Promise<Redis> {
  const { Redis: Client } = await import('ioredis').catch((cause: unknown) => {
    throw missing(cause)
  })
  let open = false
  let reason: unknown
  const redis = new Client(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: null,
    connectionName: 'express-diffiqa',
    retryStrategy: (times) => (open ? Math.min(50 * 2 ** times, LONGEST_PAUSE_MS) : null),
  })
  redis.on('error', (error) => {
    reason = error
  })
  try {
    const late = (): Error => new DiffiqaError('redis-unreachable', `Redis at ${server} does not answer`)
    await within(
      CONNECT_MS,
      redis.connect().then(() => redis.ping()),
      late,
    )
    open = true
    return redis
  } catch (error) {
    redis.disconnect()
    throw redisError(reason ?? error, server)
  }
}

function missing(cause: unknown): DiffiqaError {
  return new DiffiqaError('redis-client-missing', 'Bulk work needs two more packages: npm install bullmq ioredis', {
    cause,
  })
}
