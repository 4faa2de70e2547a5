import { type AuditGrade, gradeOf } from './audit-grade.ts'
import { AUDIT_ACTIONS, type AuditAction, type AuditedPhoto, type AuditRecord, keyOf } from './audit-record.ts'

/** A bad photo beside a better one of the same person only does harm; one that is all there is has to be replaced. */
function actionFor(grade: AuditGrade, others: ReadonlySet<AuditGrade>): AuditAction {
  switch (grade) {
    case 'good':
      return 'keep'
    case 'poor':
      return others.has('good') ? 'keep' : 'improve'
    case 'bad':
      return others.has('good') || others.has('poor') ? 'remove' : 're-enrol'
    case 'unknown':
      return 'unknown'
  }
}

/** Worst first: bad photos without a score, then by score, then what could not be judged; equal ones by name. */
export function auditedPhotos(records: readonly AuditRecord[]): AuditedPhoto[] {
  const people = new Map<string, Set<AuditGrade>>()
  const grades = records.map(gradeOf)
  for (const [index, { subject }] of records.entries()) {
    const known = people.get(subject) ?? new Set()
    people.set(subject, known.add(grades[index] as AuditGrade))
  }
  return records
    .map((record, index) => ({
      ...record,
      action: actionFor(grades[index] as AuditGrade, people.get(record.subject) as Set<AuditGrade>),
    }))
    .sort((a, b) => rank(a) - rank(b) || compare(keyOf(a), keyOf(b)))
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
const rank = ({ score, action }: AuditedPhoto): number => score ?? (action === 'unknown' ? 2 : -1)

export type AuditCounts = Readonly<Record<AuditAction, number>>

/** People by the best that can be said of them; `remove` counts those who have a photo to be removed as well. */
export function countPeople(photos: readonly AuditedPhoto[]): AuditCounts & { readonly all: number } {
  const actions = new Map<string, Set<AuditAction>>()
  for (const { subject, action } of photos) actions.set(subject, (actions.get(subject) ?? new Set()).add(action))
  const counts = Object.fromEntries(AUDIT_ACTIONS.map((action) => [action, 0])) as Record<AuditAction, number>
  const best = ['keep', 'improve', 're-enrol', 'unknown'] as const
  for (const own of actions.values()) {
    const action = best.find((one) => own.has(one))
    if (action) counts[action]++
    if (own.has('remove')) counts.remove++
  }
  return { ...counts, all: actions.size }
}
