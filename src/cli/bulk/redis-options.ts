import { UsageError } from '../usage-error.ts'
import { type MetricsAddress, parseMetricsAddress } from './metrics-server.ts'
import { parseRedisUrl, type RedisAddress } from './redis-client.ts'

/** What `enqueue` and `work` have in common. */
export interface QueueOptions {
  readonly redis: RedisAddress
  readonly queue: string
  readonly metrics?: MetricsAddress
}

const DEFAULT_QUEUE = 'diffiqa'

export const QUEUE_SPECS = {
  redis: {
    value: 'URL',
    help: 'Redis or Valkey: redis://host:6379, rediss://user:password@host (default: $REDIS_URL)',
  },
  queue: { value: 'NAME', help: `one queue for each gallery (default: ${DEFAULT_QUEUE})` },
  metrics: { value: '[HOST:]PORT', help: 'serve Prometheus metrics at /metrics (default host: 127.0.0.1)' },
} as const

/** @throws UsageError */
export function parseQueueOptions(
  values: Readonly<Record<string, string | true>>,
  environment: NodeJS.ProcessEnv = process.env,
): QueueOptions {
  const { redis = environment.REDIS_URL, queue = DEFAULT_QUEUE, metrics } = values as Record<string, string | undefined>
  if (!redis) throw new UsageError('name the Redis: --redis URL, or the variable REDIS_URL')
  if (!/^[\w.-]{1,64}$/.test(queue))
    throw new UsageError('option --queue must have 1 to 64 letters, digits, dots, dashes or underscores')
  return { redis: parseRedisUrl(redis), queue, ...(metrics && { metrics: parseMetricsAddress(metrics) }) }
}

/** @throws UsageError */
export function parseWhole(name: string, text: string | undefined, usual: number, most: number): number {
  if (text === undefined) return usual
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > most)
    throw new UsageError(`option --${name} must be a whole number from 1 to ${most}, not ${text}`)
  return value
}
