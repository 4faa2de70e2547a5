import type { Box } from '../face/types.ts'
import type { Decision } from '../gate/types.ts'
import type { ThresholdSet } from '../inference/manifest.ts'
import type { QualityScore, Reason } from '../quality/types.ts'
import type { FileProblem } from './file-problem.ts'

/** One photo that somebody is enrolled with. */
export interface AuditPhoto {
  /** Path of the photo as given; null for a gallery that keeps none. */
  readonly file: string | null
  /** Whom it is enrolled as. */
  readonly subject: string
  /** Changes when the photo does: an audit that goes on judges it again then. */
  readonly revision: string
  /** Where the bytes are. */
  readonly path: string | null
  /** Quality value that the gallery keeps of the photo, 0..1. */
  readonly quality: number | null
}

/** Two photos with the same key are the same one. */
export const keyOf = ({ subject, file }: Pick<AuditPhoto, 'subject' | 'file'>): string => `${subject}\0${file ?? ''}`

/** What the enrolment policy says about a photo: a line of the journal. All of it is the same in every run. */
export interface AuditRecord {
  readonly file: string | null
  readonly subject: string
  readonly revision: string
  /** Settings that the answer depends on. */
  readonly judgedBy: string
  /** Null: there is no score, `error` tells why. */
  readonly decision: Decision | null
  /** Calibrated value, 0..1. */
  readonly score: number | null
  readonly sigma: number | null
  /** `kept`: the value is the one that the gallery keeps. */
  readonly method: QualityScore['method'] | 'kept' | null
  readonly reasons: readonly Reason[]
  readonly error: (Pick<FileProblem, 'message'> & { readonly code: FileProblem['code'] | 'no-photo' }) | null
  /** Of the face, in pixels of the upright photo. */
  readonly box: Box | null
  readonly thresholds: Pick<ThresholdSet, 'rejectBelow' | 'acceptFrom'>
  readonly modelVersion: string
}

/** What to do about a photo, most urgent first. */
export const AUDIT_ACTIONS = ['re-enrol', 'remove', 'improve', 'unknown', 'keep'] as const
export type AuditAction = (typeof AUDIT_ACTIONS)[number]

export interface AuditedPhoto extends AuditRecord {
  readonly action: AuditAction
}
