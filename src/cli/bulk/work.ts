import { setTimeout as sleep } from 'node:timers/promises'
import type { Job, Worker } from 'bullmq'
import { Registry } from 'prom-client'
import { isDiffiqaError } from '../../errors.ts'
import { createMetrics } from '../../metrics/create-metrics.ts'
import { EXIT } from '../exit-codes.ts'
import { FATAL_CODES } from '../fatal-codes.ts'
import { Interrupt } from '../interrupt.ts'
import { Output } from '../output.ts'
import { createProgress } from '../progress.ts'
import { AllowedPlaces } from './allowed-places.ts'
import { BulkMetrics } from './bulk-metrics.ts'
import { BulkQueue } from './bulk-queue.ts'
import { type BulkTask, isJobData } from './bulk-task.ts'
import { failedText } from './job-problem.ts'
import { type JobAnswer, JobFailure, judgeJob } from './judge-job.ts'
import { MetricsServer } from './metrics-server.ts'
import { connectRedis, loadBullmq } from './redis-client.ts'
import { codeOf } from './redis-error.ts'
import { TaskGate } from './task-gate.ts'
import { parseWorkOptions, type WorkOptions, workHelp } from './work-options.ts'

const POLL_MS = 500
/** For photos in work and the last words to Redis, when the work is ended. */
const STOP_MS = 10_000
/** A photo whose worker went away this often is to blame itself. */
const MAX_STALLED = 3

/**
 * `express-diffiqa work`.
 * @returns the exit code
 * @throws UsageError; DiffiqaError of the gate, `redis-…`, `queue-incompatible`
 */
export async function work(args: readonly string[]): Promise<number> {
  const options = parseWorkOptions(args)
  if (!options) {
    await new Output(process.stdout).write(workHelp())
    return EXIT.ok
  }
  const interrupt = new Interrupt()
  try {
    return await workAll(options, interrupt)
  } finally {
    interrupt.release()
  }
}

async function workAll(options: WorkOptions, interrupt: Interrupt): Promise<number> {
  const { signal } = interrupt
  const places = await AllowedPlaces.open(options.allow)
  const queue = await BulkQueue.open(options.redis, options.queue)
  try {
    const register = new Registry()
    const metrics = new BulkMetrics(queue, register)
    await using _server = options.metrics && (await MetricsServer.open(register, options.metrics))
    if (_server) process.stderr.write(`express-diffiqa: metrics at ${_server.url}\n`)
    const { jobs, modelsDir } = options
    const onGate = (gate: Parameters<typeof createMetrics>[0]) => createMetrics(gate, { register })
    await using gates = new TaskGate({ jobs, ...(modelsDir !== undefined && { modelsDir }), onGate })
    // Before a job is taken: a machine whose models cannot be loaded must not spend the photos' attempts.
    const task = await firstTask(queue, options.drain, signal)
    if (task) await gates.for(task)
    const { done, fatal } = task ? await run({ options, queue, metrics, gates, places, interrupt }) : NOTHING
    if (fatal) throw fatal
    if (interrupt.exitCode === undefined) return EXIT.ok
    process.stderr.write(`express-diffiqa: stopped after ${done} photos; the others stay in the queue\n`)
    return interrupt.exitCode
  } finally {
    await queue.close()
  }
}

const NOTHING = { done: 0, fatal: undefined }

/** What the first photo is for; undefined when there will be none. */
async function firstTask(queue: BulkQueue, drain: boolean, signal: AbortSignal): Promise<BulkTask | undefined> {
  while (!signal.aborted) {
    const task = await queue.task().catch((error) => {
      // It was there a moment ago: it is waited for, here as later.
      if (codeOf(error) !== 'redis-unreachable') throw error
      return undefined
    })
    if (task || drain) return task
    await sleep(POLL_MS, undefined, { signal }).catch(() => {})
  }
  return undefined
}

interface Run {
  readonly options: WorkOptions
  readonly queue: BulkQueue
  readonly metrics: BulkMetrics
  readonly gates: TaskGate
  readonly places: AllowedPlaces
  readonly interrupt: Interrupt
}

async function run({ options, queue, metrics, gates, places, interrupt }: Run): Promise<{
  readonly done: number
  readonly fatal: unknown
}> {
  const { Worker: BullWorker, UnrecoverableError, WaitingError } = await loadBullmq()
  const redis = await connectRedis(options.redis)
  const progress = createProgress(process.stderr)
  const { signal } = interrupt
  let done = 0
  let fatal: unknown

  const judge = async (job: Job, token: string | undefined): Promise<JobAnswer> => {
    const { data } = job
    if (!isJobData(data)) throw new UnrecoverableError('queue-incompatible: This version does not understand the job')
    try {
      const gate = await gates.for(data.task)
      // No signal: a photo that was begun is finished, so that no attempt is lost.
      const read = places.read.bind(places)
      return await judgeJob(data.photo, { gate, task: data.task, read, signal: new AbortController().signal })
    } catch (error) {
      if (isDiffiqaError(error) && FATAL_CODES.has(error.code)) {
        fatal ??= error
        interrupt.stop()
        // The photo is as it was, for a machine that can judge it.
        await job.moveToWait(token)
        throw new WaitingError()
      }
      const problem = error instanceof JobFailure ? error.problem : unexpected(error)
      const again = error instanceof JobFailure && error.retryable
      throw again ? new Error(failedText(problem)) : new UnrecoverableError(failedText(problem))
    }
  }

  const worker = new BullWorker(queue.name, judge, {
    connection: redis,
    // Some photos more than threads, so that these need not wait for the next to be read.
    concurrency: 2 * options.jobs,
    lockDuration: options.lockMs,
    stalledInterval: options.lockMs,
    maxStalledCount: MAX_STALLED,
    autorun: false,
  })
  worker.on('error', (error) => metrics.redisFailed(error))
  worker.on('completed', () => {
    done++
    metrics.photo('judged')
    progress.advance()
  })
  worker.on('failed', (job) => metrics.photo(job?.finishedOn ? 'failed' : 'retried'))
  const running = worker.run()
  running.catch((error) => {
    fatal ??= error
    interrupt.stop()
  })
  try {
    while (!signal.aborted && !(options.drain && (await isDrained(queue)))) {
      await sleep(POLL_MS, undefined, { signal }).catch(() => {})
    }
  } finally {
    progress.clear()
    await end(worker)
    redis.disconnect()
  }
  return { done, fatal }
}

/** A Redis that is away holds the work up, it does not end it. */
async function isDrained(queue: BulkQueue): Promise<boolean> {
  const counts = await queue.counts().catch(() => undefined)
  return counts !== undefined && counts.waiting + counts.active + counts.delayed === 0
}

/** Photos in work are finished, unless Redis is away or one takes too long: its lock ends and another worker takes it. */
async function end(worker: Worker): Promise<void> {
  const timer = new AbortController()
  await Promise.race([
    worker.close().catch(() => {}),
    sleep(STOP_MS, undefined, { signal: timer.signal }).catch(() => {}),
  ])
  timer.abort()
}

const unexpected = (error: unknown) => ({
  code: 'scoring-failed' as const,
  message: error instanceof Error ? `${error.name}` : 'Unknown',
})
