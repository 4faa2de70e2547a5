import type { FaceRecord } from './face-record.ts'
import { printable } from './printable.ts'
import type { Formatter } from './scored-file.ts'

interface Column {
  readonly title: string
  /** Characters; the last column takes what it needs. */
  readonly width: number
  readonly right?: boolean
  cell(record: FaceRecord): string
}

const fixed = (value: number | null, digits: number): string => value?.toFixed(digits) ?? '-'

/** Widths are set beforehand: lines appear as files are done. */
const COLUMNS: readonly Column[] = [
  { title: 'QUALITY', width: 7, right: true, cell: (r) => String(r.quality ?? '-') },
  { title: 'SCORE', width: 5, right: true, cell: (r) => fixed(r.score, 3) },
  { title: 'SIGMA', width: 5, right: true, cell: (r) => fixed(r.sigma, 3) },
  { title: 'METHOD', width: 9, cell: (r) => r.method ?? '-' },
  { title: 'DECISION', width: 16, cell: decision },
  { title: 'ESCALATE', width: 8, cell: (r) => (r.wouldEscalate ? 'yes' : 'no') },
  { title: 'EYES', width: 5, right: true, cell: (r) => `${fixed(r.interEyeDistance, 0)}px` },
  { title: 'BOX', width: 19, cell: box },
  { title: 'FILE#FACE', width: 24, cell: (r) => `${printable(r.file)}#${r.face}` },
  { title: 'REASONS', width: 0, cell: (r) => r.reasons.map(({ code }) => code).join(' ') },
]

function decision({ decision, weight }: FaceRecord): string {
  return decision === 'down-weight' ? `${decision} ${weight.toFixed(2)}` : decision
}

function box({ box }: FaceRecord): string {
  if (!box) return '-'
  const [x, y, width, height] = [box.x, box.y, box.width, box.height].map(Math.round)
  return `${x},${y} ${width}x${height}`
}

const line = (cells: readonly string[]): string => {
  const padded = cells.map((cell, i) => {
    const { width = 0, right } = COLUMNS[i] ?? {}
    return right ? cell.padStart(width) : cell.padEnd(width)
  })
  return `${padded.join('  ').trimEnd()}\n`
}

/** For people: one line per face. */
export const tableFormatter: Formatter = {
  header: line(COLUMNS.map(({ title }) => title)),
  tellsProblems: false,
  format: (scored) =>
    scored.problem ? '' : scored.records.map((record) => line(COLUMNS.map(({ cell }) => cell(record)))).join(''),
}
