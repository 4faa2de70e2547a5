import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { DiffiqaError } from '../../errors.ts'
import type { AuditPhoto } from '../audit-record.ts'
import { EXIT } from '../exit-codes.ts'
import { columns } from '../help.ts'
import { Interrupt } from '../interrupt.ts'
import { Output } from '../output.ts'
import { createProgress, type Progress } from '../progress.ts'
import { bulkPhotos } from './bulk-inputs.ts'
import { BulkMetrics } from './bulk-metrics.ts'
import { BulkQueue } from './bulk-queue.ts'
import { photoId, taskName } from './bulk-task.ts'
import { collect } from './collect.ts'
import { type EnqueueOptions, enqueueHelp, parseEnqueueOptions } from './enqueue-options.ts'
import { MetricsServer } from './metrics-server.ts'
import { ResultFile } from './result-file.ts'
import { csvLineFormat, jsonLineFormat } from './result-line.ts'

/** Jobs that are added at once. */
const BATCH = 500
/** Somebody who collects results and is not heard of for so long has gone. */
const LOCK_MS = 15_000

/**
 * `express-diffiqa enqueue`.
 * @returns the exit code
 * @throws UsageError; DiffiqaError `redis-…`, `queue-incompatible`, `queue-busy`, `jobs-lost`, `results-unwritable`, `invalid-option`
 */
export async function enqueue(args: readonly string[]): Promise<number> {
  const options = parseEnqueueOptions(args)
  const interrupt = new Interrupt()
  const output = new Output(process.stdout)
  try {
    if (options) return await enqueueAll(options, output, interrupt)
    await output.write(enqueueHelp())
    return EXIT.ok
  } finally {
    interrupt.release()
  }
}

async function enqueueAll(options: EnqueueOptions, output: Output, interrupt: Interrupt): Promise<number> {
  const { out, task, retry } = options
  const queue = await BulkQueue.open(options.redis, options.queue)
  const metrics = new BulkMetrics(queue)
  try {
    await using _server = options.metrics && (await serve(metrics, options.metrics))
    await queue.claim(task)
    if (out === undefined) {
      if (retry) await queue.retryFailed()
      const { queued, duplicates } = await addAll(queue, undefined, options, interrupt.signal)
      if (interrupt.exitCode !== undefined) return interrupted(interrupt.exitCode, `${queued} photos were queued`)
      await output.write(columns([['Photos queued', String(queued)], ...twice(duplicates)]))
      await output.flush()
      return EXIT.ok
    }
    await using lock = await takeLock(queue, interrupt.signal)
    const format = options.format === 'csv' ? csvLineFormat(task.kind) : jsonLineFormat
    await using results = await ResultFile.open(out, format, taskName(task))
    if (retry) {
      await results.drop(new Set([...results.known.values()].flatMap(({ id, failed }) => (failed ? [id] : []))))
      await queue.retryFailed()
    }
    return await followAll({ queue, results, metrics, lock, options, output, interrupt })
  } catch (error) {
    metrics.redisFailed(error)
    throw error
  } finally {
    await queue.close()
  }
}

interface Following {
  readonly queue: BulkQueue
  readonly results: ResultFile
  readonly metrics: BulkMetrics
  readonly lock: CollectorLock
  readonly options: EnqueueOptions
  readonly output: Output
  readonly interrupt: Interrupt
}

async function followAll(following: Following): Promise<number> {
  const { queue, results, metrics, lock, options, output, interrupt } = following
  const { signal } = interrupt
  const { wanted, duplicates } = await addAll(queue, results, options, signal)
  const progress = createProgress(process.stderr)
  advance(progress, [...wanted.keys()].filter((id) => results.known.has(id)).length)
  progress.setTotal(wanted.size)
  try {
    await collect({
      queue,
      results,
      wanted,
      task: options.task,
      attempts: options.attempts,
      signal,
      keepLock: () => lock.keep(),
      onLines: (lines) => {
        for (const { failed } of lines) metrics.result(failed ? 'failed' : 'judged')
        advance(progress, lines.length)
      },
    })
  } finally {
    progress.clear()
  }
  const failed = [...results.known.values()].filter((line) => line.failed).length
  if (interrupt.exitCode !== undefined) return interrupted(interrupt.exitCode, `${results.known.size} results`)
  const rows = [['Results', String(results.known.size)], ...twice(duplicates)] as [string, string][]
  await output.write(columns([...rows, ['Could not be looked at', String(failed)]]))
  await output.flush()
  return failed > 0 ? EXIT.someFilesFailed : EXIT.ok
}

interface Added {
  /** Photos by id, and their revision. */
  readonly wanted: Map<string, string>
  readonly queued: number
  readonly duplicates: number
}

/** Queues the photos that have no line yet, or have changed since. */
async function addAll(
  queue: BulkQueue,
  results: ResultFile | undefined,
  { inputs, task, attempts }: EnqueueOptions,
  signal: AbortSignal,
): Promise<Added> {
  const wanted = new Map<string, string>()
  const changed = new Set<string>()
  let [queued, duplicates] = [0, 0]
  let batch: AuditPhoto[] = []
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await queue.add(batch, task, attempts)
    queued += batch.length
    batch = []
  }
  for await (const photo of bulkPhotos(inputs, task)) {
    if (signal.aborted) break
    const id = photoId(photo, task)
    if (wanted.has(id)) {
      duplicates++
      continue
    }
    wanted.set(id, photo.revision)
    const known = results?.known.get(id)
    if (known?.revision === photo.revision) continue
    if (known) {
      changed.add(id)
      // One that failed is still there, and would keep the new one out.
      await queue.remove([id])
    }
    batch.push(photo)
    if (batch.length >= BATCH) await flush()
  }
  await flush()
  await results?.drop(changed)
  return { wanted, queued, duplicates }
}

interface CollectorLock extends AsyncDisposable {
  /** @throws DiffiqaError `queue-busy` when somebody else has it now */
  keep(): Promise<void>
}

/** One process carries results away: two would each get half of them. */
async function takeLock(queue: BulkQueue, signal: AbortSignal): Promise<CollectorLock> {
  const holder = randomUUID()
  const left = await queue.lock(holder, LOCK_MS)
  if (left > 0) {
    // Perhaps that of a process that was killed: then it ends by itself.
    await sleep(left + 100, undefined, { signal }).catch(() => {})
    if ((await queue.lock(holder, LOCK_MS)) > 0) throw busy(queue)
  }
  let kept = performance.now()
  return {
    async keep() {
      if (performance.now() - kept < LOCK_MS / 3) return
      if ((await queue.lock(holder, LOCK_MS)) > 0) throw busy(queue)
      kept = performance.now()
    },
    [Symbol.asyncDispose]: () => queue.unlock(holder).catch(() => {}),
  }
}

const busy = (queue: BulkQueue): DiffiqaError =>
  new DiffiqaError('queue-busy', `Another process writes the results of the queue ${queue.name}`)

async function serve(metrics: BulkMetrics, address: NonNullable<EnqueueOptions['metrics']>): Promise<MetricsServer> {
  const server = await MetricsServer.open(metrics.register, address)
  process.stderr.write(`express-diffiqa: metrics at ${server.url}\n`)
  return server
}

function interrupted(exitCode: number, after: string): number {
  process.stderr.write(`express-diffiqa: interrupted after ${after}; the same command goes on\n`)
  return exitCode
}

function advance(progress: Progress, lines: number): void {
  for (let line = 0; line < lines; line++) progress.advance()
}

const twice = (duplicates: number): [string, string][] =>
  duplicates > 0 ? [['Named twice, taken once', String(duplicates)]] : []
