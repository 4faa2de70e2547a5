import { parseCsv } from '../../evaluation/csv.ts'
import { noFormula, RECORD_COLUMNS } from '../audit-csv.ts'
import type { AuditRecord } from '../audit-record.ts'
import { type CsvCell, csvRow } from '../csv-row.ts'
import type { FaceRecord } from '../face-record.ts'
import { FACE_COLUMNS } from '../format-csv.ts'
import type { JobAnswer, Unjudged } from './judge-job.ts'

/** One photo's line of a file of results, and all that a later run has to know about it. */
export interface LineKey {
  readonly id: string
  /** What it was judged for, see `taskName()`. */
  readonly task: string
  /** Of the photo when it was queued. */
  readonly revision: string
  /** It could not be looked at. */
  readonly failed: boolean
}

export interface ResultLine extends LineKey {
  readonly answer: JobAnswer
}

/** A way to write lines and to find them again. */
export interface LineFormat {
  /** First line of the file; '' for none. */
  readonly header: string
  /** May a line end lie within quotes? */
  readonly quoted: boolean
  /** Every line begins with this; a piece of one does, too. */
  readonly start: string
  write(line: ResultLine): string
  /** @returns undefined for what is no line of this format */
  read(text: string): LineKey | undefined
}

/** JSON Lines. Those of an audit are lines of `audit.jsonl` as well. */
export const jsonLineFormat: LineFormat = {
  header: '',
  quoted: false,
  start: '{"id":"p',
  write({ id, task, revision, failed, answer }) {
    return `${JSON.stringify({ id, task, failed, ...answer, revision })}\n`
  },
  read(text) {
    try {
      const { id, task, revision, failed } = JSON.parse(text)
      const isKey = [id, task, revision].every((one) => typeof one === 'string') && typeof failed === 'boolean'
      return isKey ? { id, task, revision, failed } : undefined
    } catch {
      return undefined
    }
  },
}

const KEY_COLUMNS = ['id', 'task', 'revision', 'failed']
type Column = readonly [name: string, cell: (answer: JobAnswer) => CsvCell]

/** Cells of a photo that could not be looked at, or is none. */
const PROBLEM_COLUMNS: Readonly<Record<string, (answer: Unjudged) => CsvCell>> = {
  subject: ({ subject }) => subject && noFormula(subject),
  error: ({ error }) => error.code,
  message: ({ error }) => error.message,
}

const isJudged = (answer: JobAnswer): answer is FaceRecord | AuditRecord => 'thresholds' in answer

function column<A>([name, cell]: readonly [string, (answer: A) => CsvCell]): Column {
  return [name, (answer) => (isJudged(answer) ? cell(answer as A) : PROBLEM_COLUMNS[name]?.(answer as Unjudged))]
}

const none = (): CsvCell => undefined
const scoreColumns: readonly Column[] = [
  ...FACE_COLUMNS.map(column<FaceRecord>),
  column<FaceRecord>(['error', none]),
  column<FaceRecord>(['message', none]),
]

const auditColumns: readonly Column[] = RECORD_COLUMNS.map(column<AuditRecord>)

/** RFC 4180, one row for each photo. */
export function csvLineFormat(kind: 'score' | 'audit'): LineFormat {
  const columns = (kind === 'audit' ? auditColumns : scoreColumns).filter(([name]) => name !== 'file')
  const header = csvRow([...KEY_COLUMNS, 'file', ...columns.map(([name]) => name)])
  return {
    header,
    quoted: true,
    start: 'p',
    write: ({ id, task, revision, failed, answer }) =>
      csvRow([id, task, revision, failed, noFormula(answer.file ?? ''), ...columns.map(([, cell]) => cell(answer))]),
    read(text) {
      const [[id, task, revision, failed] = []] = parseCsv(text)
      if (!id || !task || revision === undefined || !/^(true|false)$/.test(failed ?? '')) return undefined
      return { id, task, revision, failed: failed === 'true' }
    },
  }
}
