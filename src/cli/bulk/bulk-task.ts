import { createHash } from 'node:crypto'
import type { PolicyName, Purpose } from '../../inference/manifest.ts'
import type { PresetName } from '../../quality/diffiqa.ts'
import type { AuditPhoto } from '../audit-record.ts'

/** What is done to every photo of a queue. */
export interface BulkTask {
  readonly kind: 'score' | 'audit'
  readonly full: boolean
  readonly policy: PolicyName
  readonly purpose: Purpose
  readonly preset: PresetName
}

/** Of what lies in Redis. Another one is refused: a worker that half understands a job would lose or repeat it. */
export const QUEUE_FORMAT = 1

/** What a job holds: where the photo is, never the photo. */
export interface BulkJobData {
  readonly format: typeof QUEUE_FORMAT
  readonly task: BulkTask
  readonly photo: AuditPhoto
}

/** Everything that an answer depends on but photo and models, as one word for each line of results. */
export const taskName = ({ kind, full, policy, purpose, preset }: BulkTask): string =>
  [kind, purpose, policy, preset, full ? 'full' : 'fast'].join('/')

/**
 * The same photo has the same id in every run, so that it cannot be queued twice. An audit looks at a photo once for each person who is
 * enrolled with it.
 */
export function photoId({ path, subject }: Pick<AuditPhoto, 'path' | 'subject'>, { kind }: BulkTask): string {
  const what = JSON.stringify(kind === 'audit' ? [path, subject] : [path])
  return `p${createHash('sha256').update(what).digest('hex').slice(0, 32)}`
}

/** Is it a job that this version wrote? */
export function isJobData(value: unknown): value is BulkJobData {
  const data = value as Partial<BulkJobData> | null | undefined
  return data?.format === QUEUE_FORMAT && typeof data.photo?.revision === 'string' && data.task !== undefined
}
