import type { MeasureName } from '../../quality/types.ts'
import type { Row } from './rows.ts'
import type { Trial } from './state.ts'
import { MEASURE } from './words.ts'

type Cell = string | number | undefined

const MEASURES = Object.keys(MEASURE) as MeasureName[]

/** Every column: its name, and its cell of a row. */
const COLUMNS: readonly (readonly [name: string, cell: (row: Row, trial: Trial) => Cell])[] = [
  ['photo', ({ item }) => item.name],
  ['face', ({ index, judged }) => (judged ? index : undefined)],
  ['decision', ({ outcome }) => outcome],
  ['weight', ({ judged }) => judged?.weight],
  ['score', ({ judged }) => judged?.face.score.value],
  ['sigma', ({ judged }) => judged?.face.score.sigma],
  ['method', ({ judged }) => judged?.face.score.method],
  ['reasons', ({ reasons }) => reasons.map(({ code }) => code).join(' ')],
  ['error', ({ item }) => item.problem?.code],
  ['diffiqa_r', ({ judged }) => judged?.face.fast.value],
  ['diffiqa', ({ judged }) => judged?.face.full?.value],
  ['box_x', ({ judged }) => judged?.face.box.x],
  ['box_y', ({ judged }) => judged?.face.box.y],
  ['box_width', ({ judged }) => judged?.face.box.width],
  ['box_height', ({ judged }) => judged?.face.box.height],
  ...MEASURES.map((name): [string, (row: Row) => Cell] => [
    `measure_${name.replaceAll('-', '_')}`,
    ({ judged }) => judged?.face.measures[name],
  ]),
  ['purpose', (_, { purpose }) => purpose],
  ['reject_below', (_, { rejectBelow }) => rejectBelow],
  ['accept_from', (_, { acceptFrom }) => acceptFrom],
]

function quote(cell: Cell): string {
  if (typeof cell !== 'string') return String(cell ?? '')
  // A file's name must not become a formula of whatever opens the table.
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** RFC 4180: header, CRLF, one line per face or photo without one; an empty cell is a value that was not taken. */
export function toCsv(rows: readonly Row[], trial: Trial): string {
  const lines = [
    COLUMNS.map(([name]) => name),
    ...rows.map((row) => COLUMNS.map(([, cell]) => quote(cell(row, trial)))),
  ]
  return lines.map((cells) => `${cells.join(',')}\r\n`).join('')
}

/** Hand the table to the browser as a file. */
export function download(text: string, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
