import type { Job, Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { DiffiqaError } from '../../errors.ts'
import type { AuditPhoto } from '../audit-record.ts'
import { type BulkJobData, type BulkTask, photoId, QUEUE_FORMAT, taskName } from './bulk-task.ts'
import { connectRedis, loadBullmq, type RedisAddress } from './redis-client.ts'
import { redisError } from './redis-error.ts'
import { within } from './within.ts'

/** A server that is away for less is waited for. */
const PATIENCE_MS = 30_000
/** Exponential from here, so that a store that is away for some seconds costs no photo. */
const BACK_OFF = { type: 'exponential', delay: 1000, jitter: 0.5 } as const
const STATES = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const

export type BulkState = (typeof STATES)[number]
export type BulkCounts = Readonly<Record<BulkState, number>>

/** What became of one job. */
export interface FinishedJob {
  readonly id: string
  readonly data: BulkJobData
  /** What a completed job answers. */
  readonly value: unknown
  /** Why a failed one failed; undefined for a completed one, whatever its earlier attempts met. */
  readonly failedReason: string | undefined
}

/** Photos to be judged, in BullMQ on Redis. Every failure is a typed error. */
export class BulkQueue {
  readonly #server: string
  readonly #redis: Redis
  readonly #queue: Queue
  /** Hash of this package's own beside BullMQ's keys. */
  readonly #own: string

  private constructor(server: string, redis: Redis, queue: Queue) {
    this.#server = server
    this.#redis = redis
    this.#queue = queue
    this.#own = ownKey(queue.name)
  }

  /**
   * @throws DiffiqaError `queue-incompatible` for a queue of another version or of something else; `redis-…`
   */
  static async open(address: RedisAddress, name: string): Promise<BulkQueue> {
    const { Queue: BullQueue } = await loadBullmq()
    const redis = await connectRedis(address)
    try {
      await requireFormat(redis, name)
      const queue = new BullQueue(name, { connection: redis })
      // Its connection comes back by itself; commands that fail meanwhile tell so themselves.
      queue.on('error', () => {})
      return new BulkQueue(address.server, redis, queue)
    } catch (error) {
      redis.disconnect()
      throw redisError(error, address.server)
    }
  }

  get name(): string {
    return this.#queue.name
  }

  /** What the photos of the queue are for; undefined where there was never any. */
  async task(): Promise<BulkTask | undefined> {
    const text = await this.#do(() => this.#redis.hget(this.#own, 'task'))
    return text ? (JSON.parse(text) as BulkTask) : undefined
  }

  /**
   * Says what the photos are for.
   * @throws DiffiqaError `queue-busy` when it holds photos that are there for something else
   */
  async claim(task: BulkTask): Promise<void> {
    await this.#do(() => this.#redis.hsetnx(this.#own, 'task', JSON.stringify(task)))
    const held = await this.task()
    if (!held || taskName(held) === taskName(task)) return
    const counts = await this.counts()
    if (STATES.some((state) => counts[state] > 0))
      throw new DiffiqaError(
        'queue-busy',
        `The queue ${this.name} holds photos for ${taskName(held)}, not ${taskName(task)}: take another --queue`,
        { details: { held: taskName(held), wanted: taskName(task) } },
      )
    await this.#do(() => this.#redis.hset(this.#own, 'task', JSON.stringify(task)))
  }

  /** Adds the photos that are not in the queue, in whatever state. */
  async add(photos: readonly AuditPhoto[], task: BulkTask, attempts: number): Promise<void> {
    const opts = { attempts, backoff: BACK_OFF }
    const jobs = photos.map((photo) => ({
      name: task.kind,
      data: { format: QUEUE_FORMAT, task, photo } satisfies BulkJobData,
      opts: { ...opts, jobId: photoId(photo, task) },
    }))
    await this.#do(() => this.#queue.addBulk(jobs))
  }

  async counts(): Promise<BulkCounts> {
    const counts = await this.#do(() => this.#queue.getJobCounts(...STATES))
    return Object.fromEntries(STATES.map((state) => [state, counts[state] ?? 0])) as Record<BulkState, number>
  }

  /** The completed jobs that are there longest. */
  async completed(most: number): Promise<FinishedJob[]> {
    const jobs = await this.#do(() => this.#queue.getJobs(['completed'], 0, most - 1, true))
    return jobs.filter(Boolean).map((job) => ({ ...finished(job), failedReason: undefined }))
  }

  failedCount(): Promise<number> {
    return this.#do(() => this.#queue.getFailedCount())
  }

  failedIds(): Promise<string[]> {
    return this.#do(() => this.#queue.getRanges(['failed'], 0, -1, true))
  }

  /** Those of the jobs that have failed. */
  async failed(ids: readonly string[]): Promise<FinishedJob[]> {
    const jobs = await this.#do(() => Promise.all(ids.map((id) => this.#queue.getJob(id))))
    return jobs.flatMap((job) => (job?.failedReason ? [finished(job)] : []))
  }

  async remove(ids: readonly string[]): Promise<void> {
    await this.#do(() => Promise.all(ids.map((id) => this.#queue.remove(id))))
  }

  /** Every failed job waits again. */
  async retryFailed(): Promise<void> {
    await this.#do(() => this.#queue.retryJobs({ state: 'failed' }))
  }

  /**
   * @param holder - only it can hold the lock again, or give it back
   * @returns milliseconds for which somebody else has it still; 0: it is the holder's for `lockMs`
   */
  lock(holder: string, lockMs: number): Promise<number> {
    const key = `${this.#own}:collector`
    return this.#do(async () => {
      if (await this.#redis.set(key, holder, 'PX', lockMs, 'NX')) return 0
      if ((await this.#redis.get(key)) !== holder) return Math.max(1, await this.#redis.pttl(key))
      await this.#redis.pexpire(key, lockMs)
      return 0
    })
  }

  /** A server that is away is not waited for: the lock ends by itself. */
  async unlock(holder: string): Promise<void> {
    if (this.#redis.status !== 'ready') return
    const key = `${this.#own}:collector`
    await this.#do(async () => {
      if ((await this.#redis.get(key)) === holder) await this.#redis.del(key)
    })
  }

  async close(): Promise<void> {
    // A server that is away is not waited for: nothing is left to say to it.
    if (this.#redis.status === 'ready') await this.#queue.close().catch(() => {})
    this.#redis.disconnect()
  }

  async #do<T>(command: () => Promise<T>): Promise<T> {
    const late = (): Error =>
      new DiffiqaError('redis-unreachable', `Redis at ${this.#server} has not answered for ${PATIENCE_MS / 1000} s`)
    try {
      return await within(PATIENCE_MS, command(), late)
    } catch (error) {
      throw redisError(error, this.#server)
    }
  }
}

/** Keys of BullMQ that tell of a queue, whatever its version. */
const KEYS_OF_QUEUE = ['id', 'meta', 'wait', 'active', 'delayed', 'completed', 'failed', 'paused']

const keyOf = (name: string, key: string): string => `bull:${name}:${key}`
const ownKey = (name: string): string => keyOf(name, 'diffiqa')

/** Before BullMQ touches the queue: it would write its own version into it. */
async function requireFormat(redis: Redis, name: string): Promise<void> {
  const format = await redis.hget(ownKey(name), 'format')
  if (format === String(QUEUE_FORMAT)) {
    // A server that takes no writes is found out now rather than by the first photo.
    await redis.hset(ownKey(name), 'format', QUEUE_FORMAT)
    return
  }
  if (format === null && (await redis.exists(KEYS_OF_QUEUE.map((key) => keyOf(name, key)))) === 0) {
    await redis.hset(ownKey(name), 'format', QUEUE_FORMAT)
    return
  }
  const made = format === null ? 'by something else, or by an older version' : `in format ${format}`
  throw new DiffiqaError(
    'queue-incompatible',
    `The queue ${name} was made ${made}; this version writes format ${QUEUE_FORMAT}. Nothing was changed: finish it with the version that made it, or take another --queue`,
    { details: { format, expected: QUEUE_FORMAT } },
  )
}

const finished = ({ id, data, returnvalue, failedReason }: Job): FinishedJob => ({
  id: id as string,
  data,
  value: returnvalue,
  failedReason,
})
