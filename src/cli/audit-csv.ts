import type { AuditedPhoto, AuditRecord } from './audit-record.ts'
import { type CsvCell, csvRow } from './csv-row.ts'

/** Every column of a judged photo: its name, and its cell. */
export const RECORD_COLUMNS: readonly (readonly [name: string, cell: (record: AuditRecord) => CsvCell])[] = [
  ['subject', ({ subject }) => noFormula(subject)],
  ['file', ({ file }) => file && noFormula(file)],
  ['decision', ({ decision }) => decision],
  ['score', ({ score }) => score],
  ['sigma', ({ sigma }) => sigma],
  ['method', ({ method }) => method],
  ['reject_below', ({ thresholds }) => thresholds.rejectBelow],
  ['accept_from', ({ thresholds }) => thresholds.acceptFrom],
  ['reasons', ({ reasons }) => reasons.map(({ code }) => code).join(' ')],
  ['advice', ({ reasons }) => reasons[0]?.advice],
  ['error', ({ error }) => error?.code],
  ['message', ({ error }) => error?.message],
]

const COLUMNS: readonly (readonly [name: string, cell: (photo: AuditedPhoto) => CsvCell])[] = [
  ['action', ({ action }) => action],
  ...RECORD_COLUMNS,
]

/** Spreadsheets run a cell that begins like this as a formula; names come from whoever was enrolled. */
export const noFormula = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)

/** RFC 4180, one row per photo, worst first. */
export function* auditCsv(photos: Iterable<AuditedPhoto>): Generator<string, void, undefined> {
  yield csvRow(COLUMNS.map(([name]) => name))
  for (const photo of photos) yield csvRow(COLUMNS.map(([, cell]) => cell(photo)))
}
