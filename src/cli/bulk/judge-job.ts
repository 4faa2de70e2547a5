import { ERROR_CODES, type ErrorCode, isDiffiqaError } from '../../errors.ts'
import type { Gate } from '../../gate/gate.ts'
import { gradeOf } from '../audit-grade.ts'
import { judgePhoto } from '../audit-judge.ts'
import type { AuditPhoto, AuditRecord } from '../audit-record.ts'
import { type FaceRecord, faceRecords } from '../face-record.ts'
import { FATAL_CODES } from '../fatal-codes.ts'
import { type FileProblem, fileProblem } from '../file-problem.ts'
import type { BulkTask } from './bulk-task.ts'

/** What is known of a photo that has no score. */
export interface JobProblem {
  readonly code: FileProblem['code'] | 'no-photo'
  readonly message: string
}

/** A photo without a score, and why. */
export interface Unjudged {
  readonly file: string | null
  /** In an audit: whom it is enrolled as. */
  readonly subject?: string
  readonly error: JobProblem
}

/** An answer about one photo: what `score --json` says of its largest face, what `audit` notes down, or why the photo is none. */
export type JobAnswer = FaceRecord | AuditRecord | Unjudged

export interface JudgeJobOptions {
  readonly gate: Gate
  readonly task: BulkTask
  readonly read: (place: string, options: { readonly signal?: AbortSignal }) => Promise<Uint8Array>
  readonly signal: AbortSignal
}

/** The photo could not be looked at; it may be a good one. */
export class JobFailure extends Error {
  override readonly name = 'JobFailure'
  readonly problem: JobProblem
  /** Another attempt may succeed. */
  readonly retryable: boolean

  constructor({ code, message }: JobProblem) {
    super(message)
    this.problem = { code, message }
    const isKnown = code in ERROR_CODES
    // Permissions and disks are mended; a file that is not there rarely comes.
    this.retryable = isKnown ? ERROR_CODES[code as ErrorCode].retryable : code === 'file-unreadable'
  }
}

/**
 * The photo's own faults are answers; whatever kept it from being looked at is a failure.
 * @throws JobFailure; DiffiqaError of {@link FATAL_CODES}, which the next photo would meet as well
 */
export function judgeJob(photo: AuditPhoto, options: JudgeJobOptions): Promise<JobAnswer> {
  return options.task.kind === 'audit' ? auditJob(photo, options) : scoreJob(photo, options)
}

async function auditJob(photo: AuditPhoto, { gate, task, read, signal }: JudgeJobOptions): Promise<AuditRecord> {
  const record = await judgePhoto(photo, { gate, full: task.full, signal, read })
  if (record.error && gradeOf(record) === 'unknown') throw new JobFailure(record.error)
  return record
}

async function scoreJob({ file, path }: AuditPhoto, options: JudgeJobOptions): Promise<JobAnswer> {
  const { gate, task, read, signal } = options
  try {
    const bytes = await read(path as string, { signal })
    const { purpose, full } = task
    const assessment = await gate.assess(bytes, { faces: 'largest', purpose, full, signal })
    const { modelVersion } = gate.manifest
    const [record] = faceRecords(assessment, { file: file as string, modelVersion })
    return { ...(record as FaceRecord), faces: assessment.faces.length }
  } catch (error) {
    if (isDiffiqaError(error) && FATAL_CODES.has(error.code)) throw error
    const problem = fileProblem(error)
    if (gradeOf({ decision: null, error: problem }) === 'unknown') throw new JobFailure(problem)
    return { file, error: problem }
  }
}
