import { Counter, Gauge, Registry } from 'prom-client'
import type { ErrorCode } from '../../errors.ts'
import { DEFAULT_PREFIX } from '../../metrics/create-metrics.ts'
import type { BulkCounts, BulkQueue, BulkState } from './bulk-queue.ts'
import { codeOf } from './redis-error.ts'
import { within } from './within.ts'

/** A scrape has ten seconds by default and more to ask for. */
const SCRAPE_MS = 1000
const STATES: readonly BulkState[] = ['waiting', 'active', 'delayed', 'completed', 'failed']

/** Progress of bulk work, for Prometheus. The queue's numbers are the same in every process; add the counters only. */
export class BulkMetrics {
  readonly register: Registry
  readonly #photos: Counter<'outcome'>
  readonly #results: Counter<'outcome'>
  readonly #redisErrors: Counter<'code'>

  constructor(queue: Pick<BulkQueue, 'counts'>, register: Registry = new Registry()) {
    const common = (name: string, help: string) => ({
      name: `${DEFAULT_PREFIX}bulk_${name}`,
      help,
      registers: [register],
    })
    this.register = register
    this.#photos = new Counter({
      ...common(
        'photos_total',
        'Photos this worker has done: judged, failed for good (kept in the queue), or to be tried again',
      ),
      labelNames: ['outcome'],
    })
    this.#results = new Counter({
      ...common('results_total', 'Lines this process has written into the file of results'),
      labelNames: ['outcome'],
    })
    this.#redisErrors = new Counter({
      ...common('redis_errors_total', 'Commands and connections to Redis that failed, by error code'),
      labelNames: ['code'],
    })
    let asking: Promise<BulkCounts | undefined> | undefined
    // One question to Redis for both gauges of a scrape.
    const ask = (): Promise<BulkCounts | undefined> => {
      asking ??= within(SCRAPE_MS, queue.counts(), () => new Error('late'))
        .catch(() => undefined)
        .finally(() => {
          asking = undefined
        })
      return asking
    }
    const up: Gauge = new Gauge({
      ...common('redis_up', '1 when Redis has answered this scrape'),
      aggregator: 'min',
      collect: async () => {
        up.set((await ask()) ? 1 : 0)
      },
    })
    const jobs = new Gauge({
      ...common('jobs', 'Photos in the queue by state; completed ones wait for their line in the file of results'),
      labelNames: ['state'],
      aggregator: 'first',
      collect: async () => {
        const counts = await ask()
        jobs.reset()
        if (counts) for (const state of STATES) jobs.set({ state }, counts[state])
      },
    })
    for (const outcome of ['judged', 'failed', 'retried']) this.#photos.inc({ outcome }, 0)
    for (const outcome of ['judged', 'failed']) this.#results.inc({ outcome }, 0)
    for (const code of REDIS_CODES) this.#redisErrors.inc({ code }, 0)
  }

  photo(outcome: 'judged' | 'failed' | 'retried'): void {
    this.#photos.inc({ outcome })
  }

  result(outcome: 'judged' | 'failed'): void {
    this.#results.inc({ outcome })
  }

  redisFailed(error: unknown): void {
    this.#redisErrors.inc({ code: codeOf(error) })
  }
}

const REDIS_CODES = [
  'redis-unreachable',
  'redis-unauthorised',
  'redis-read-only',
  'redis-full',
  'redis-refused',
] as const satisfies ErrorCode[]
