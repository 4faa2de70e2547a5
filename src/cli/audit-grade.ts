import { ERROR_CODES } from '../errors.ts'
import type { AuditRecord } from './audit-record.ts'

/** How good one photo is, whatever other photos there are of the person. */
export type AuditGrade = 'good' | 'poor' | 'bad' | 'unknown'

const GRADES: Readonly<Record<NonNullable<AuditRecord['decision']>, AuditGrade>> = {
  accept: 'good',
  'down-weight': 'poor',
  reject: 'bad',
}

/** Errors of the photo itself answer with a status below this; from here on they are those of the call and of the service. */
const CALL_FAILED = 499

/** A photo without a face, or that is no photo, is bad; one that could not be looked at may be a good one. */
export function gradeOf({ decision, error }: Pick<AuditRecord, 'decision' | 'error'>): AuditGrade {
  if (decision) return GRADES[decision]
  const entry = error && error.code in ERROR_CODES ? ERROR_CODES[error.code as keyof typeof ERROR_CODES] : undefined
  return entry && entry.status < CALL_FAILED ? 'bad' : 'unknown'
}
