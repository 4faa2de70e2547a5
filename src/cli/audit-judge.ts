import { isDiffiqaError } from '../errors.ts'
import type { Gate } from '../gate/gate.ts'
import { judge } from '../gate/policy.ts'
import type { Verdict } from '../gate/types.ts'
import { reasonsFor } from '../quality/reasons.ts'
import type { QualityScore } from '../quality/types.ts'
import type { AuditPhoto, AuditRecord } from './audit-record.ts'
import { FATAL_CODES } from './fatal-codes.ts'
import { fileProblem } from './file-problem.ts'
import { readPhoto } from './read-photo.ts'

export interface AuditJudgeOptions {
  readonly gate: Pick<Gate, 'assess' | 'manifest' | 'thresholds' | 'policy'>
  /** Full DifFIQA on every face; otherwise where DifFIQA(R) alone does not settle it. */
  readonly full: boolean
  readonly signal: AbortSignal
  /** The bytes of a photo's path. @default from the file system */
  readonly read?: (path: string, options: { readonly signal: AbortSignal }) => Promise<Uint8Array>
}

/** Everything that an answer depends on but the photo. */
export function judgedBy({ gate, full }: Pick<AuditJudgeOptions, 'gate' | 'full'>): string {
  const { rejectBelow, acceptFrom } = gate.thresholds.enrolment
  return `${gate.manifest.modelVersion} ${rejectBelow} ${acceptFrom} ${full ? 'full' : 'where-uncertain'}`
}

/**
 * What `guarded.enrol()` would say to the photo today.
 * @throws what stops the work as a whole: the gate's own failure
 */
export async function judgePhoto(photo: AuditPhoto, options: AuditJudgeOptions): Promise<AuditRecord> {
  const { file, subject, revision, path, quality } = photo
  const { gate } = options
  const { rejectBelow, acceptFrom } = gate.thresholds.enrolment
  const { modelVersion } = gate.manifest
  const record = {
    file,
    subject,
    revision,
    judgedBy: judgedBy(options),
    ...NO_ANSWER,
    thresholds: { rejectBelow, acceptFrom },
    modelVersion,
  }
  if (path === null) return { ...record, ...(quality === null ? NO_PHOTO : judgeKept(quality, gate)) }
  try {
    const { decision, score, reasons, face } = await assess(path, options)
    const { value = null, sigma = null, method = null } = score ?? {}
    return { ...record, decision, score: value, sigma, method, reasons, box: face?.box ?? null }
  } catch (error) {
    if (options.signal.aborted) return { ...record, error: { code: 'aborted', message: 'Interrupted' } }
    if (isDiffiqaError(error) && FATAL_CODES.has(error.code)) throw error
    const { reasons = [], ...problem } = fileProblem(error)
    return { ...record, reasons, error: problem }
  }
}

type Answer = Pick<AuditRecord, 'decision' | 'score' | 'sigma' | 'method' | 'reasons' | 'error' | 'box'>

const NO_ANSWER: Answer = {
  decision: null,
  score: null,
  sigma: null,
  method: null,
  reasons: [],
  error: null,
  box: null,
}

const NO_PHOTO: Partial<Answer> = {
  error: { code: 'no-photo', message: 'The gallery keeps neither the photo nor its quality' },
}

async function assess(path: string, { gate, full, signal, read = readPhoto }: AuditJudgeOptions): Promise<Verdict> {
  const bytes = await read(path, { signal })
  const options = { purpose: 'enrolment', faces: 'one', signal } as const
  const { verdict } = await gate.assess(bytes, { ...options, full })
  return verdict.uncertain && !full ? (await gate.assess(bytes, { ...options, full: true })).verdict : verdict
}

/** Judged by the value of the day of enrolment, for want of the photo. */
function judgeKept(value: number, { thresholds, manifest }: AuditJudgeOptions['gate']): Partial<Answer> {
  const score: QualityScore = { value, sigma: 0, method: 'diffiqa-r', raw: value, modelVersion: manifest.modelVersion }
  const { decision } = judge(value, thresholds.enrolment)
  return { decision, score: value, method: 'kept', reasons: reasonsFor({}, score, thresholds.enrolment) }
}
