import { setTimeout as sleep } from 'node:timers/promises'
import { DiffiqaError } from '../../errors.ts'
import type { BulkQueue, FinishedJob } from './bulk-queue.ts'
import { type BulkTask, isJobData, taskName } from './bulk-task.ts'
import { failedProblem } from './job-problem.ts'
import type { JobAnswer } from './judge-job.ts'
import type { ResultFile } from './result-file.ts'
import type { ResultLine } from './result-line.ts'

/** Jobs that are taken at once. */
const PAGE = 500
const PAUSE_MS = 250

export interface CollectOptions {
  readonly queue: BulkQueue
  readonly results: ResultFile
  readonly task: BulkTask
  /** Photos that have to have a line in the end, by id, and their revision. */
  readonly wanted: ReadonlyMap<string, string>
  readonly attempts: number
  readonly signal: AbortSignal
  /** Throws when somebody else has taken the queue over. */
  readonly keepLock: () => Promise<void>
  readonly onLines: (lines: readonly ResultLine[]) => void
}

/**
 * Carries results from the queue into the file until every photo has its line. A job leaves Redis when its line is on the disk, not before;
 * failed ones stay there, to be run again.
 * @throws DiffiqaError `jobs-lost`, `queue-incompatible`, `queue-busy`, `results-unwritable`, `redis-…`
 */
export async function collect(options: CollectOptions): Promise<void> {
  const { queue, results, wanted, signal } = options
  let failedBefore = 0
  while (!signal.aborted) {
    await options.keepLock()
    const found = await queue.completed(PAGE)
    // The list of all failed ones may be long: it is asked for when it has grown, and once more at the end.
    const failedNow = await queue.failedCount()
    const failed = failedNow === failedBefore ? [] : await newlyFailed(options)
    if (failed.length === 0) failedBefore = failedNow
    found.push(...failed)
    if (found.length > 0) {
      await take(found, options)
      continue
    }
    const { waiting, active, delayed, completed } = await queue.counts()
    if (waiting + active + delayed + completed === 0) {
      // Asked again after the counts: a job may have ended between the two questions.
      const late = [...(await queue.completed(PAGE)), ...(await newlyFailed(options))]
      if (late.length > 0) {
        await take(late, options)
        continue
      }
      const missing = [...wanted.keys()].filter((id) => !results.known.has(id)).length
      if (missing === 0) return
      throw new DiffiqaError(
        'jobs-lost',
        `${missing} photos have left the queue without a result (was it emptied, or does Redis evict keys?); the same command queues them again`,
        { details: { missing } },
      )
    }
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => {})
  }
}

/** The failed jobs that have no line yet. */
async function newlyFailed({ queue, results }: CollectOptions): Promise<FinishedJob[]> {
  const ids = (await queue.failedIds()).filter((id) => !results.known.has(id))
  return ids.length === 0 ? [] : queue.failed(ids.slice(0, PAGE))
}

async function take(jobs: readonly FinishedJob[], options: CollectOptions): Promise<void> {
  const { queue, results, wanted, task, attempts } = options
  for (const { id, data } of jobs) if (!isJobData(data)) throw strange(id)
  // Judged before the photo was changed.
  const isStale = ({ id, data }: FinishedJob): boolean =>
    (wanted.get(id) ?? data.photo.revision) !== data.photo.revision
  const stale = jobs.filter(isStale)
  const lines = jobs.filter((job) => !isStale(job)).map(lineOf)
  const replaced = lines.filter(({ id, revision }) => {
    const known = results.known.get(id)
    return known && (known.failed || known.revision !== revision)
  })
  await results.drop(new Set(replaced.map(({ id }) => id)))
  const added = lines.filter(({ id }) => !results.known.has(id))
  await results.append(added)
  options.onLines(added)
  const done = jobs.filter((job) => isStale(job) || job.failedReason === undefined)
  await queue.remove(done.map(({ id }) => id))
  if (stale.length === 0) return
  const again = stale.map(({ id, data: { photo } }) => ({ ...photo, revision: wanted.get(id) as string }))
  await queue.add(again, task, attempts)
}

function lineOf({ id, data: { task, photo }, value, failedReason }: FinishedJob): ResultLine {
  const key = { id, task: taskName(task), revision: photo.revision, failed: failedReason !== undefined }
  if (failedReason === undefined) return { ...key, answer: value as JobAnswer }
  const { file, subject } = photo
  const about = task.kind === 'audit' ? { file, subject, decision: null, reasons: [] } : { file }
  return { ...key, answer: { ...about, error: failedProblem(failedReason) } }
}

const strange = (id: string): DiffiqaError =>
  new DiffiqaError('queue-incompatible', `The queue holds the job ${id}, which this version does not understand`)
