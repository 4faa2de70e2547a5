import { useState } from 'preact/hooks'
import { Badge } from './badge.tsx'
import { Crop } from './canvas.tsx'
import { download, toCsv } from './csv.ts'
import type { Row } from './rows.ts'
import type { Selection, Trial } from './state.ts'
import { fixed, METHOD, OUTCOME, REASON } from './words.ts'

interface Column {
  readonly name: string
  readonly numeric?: boolean
  readonly key: (row: Row) => number | string | undefined
  readonly show: (row: Row) => string
}

const reasonOf = ({ reasons, item }: Row): string =>
  [...new Set(reasons.map(({ code }) => REASON[code]))].join(', ') || item.problem?.title || ''
const score = ({ judged }: Row) => judged?.face.score

const COLUMNS: readonly Column[] = [
  { name: 'Verdict', key: ({ outcome }) => OUTCOME[outcome].word, show: () => '' },
  { name: 'Score', numeric: true, key: (row) => score(row)?.value, show: (row) => fixed(score(row)?.value ?? 0) },
  { name: '±', numeric: true, key: (row) => score(row)?.sigma, show: (row) => fixed(score(row)?.sigma ?? 0) },
  { name: 'Reasons', key: reasonOf, show: reasonOf },
  {
    name: 'Eyes, px',
    numeric: true,
    key: ({ judged }) => judged?.face.interEyeDistance,
    show: ({ judged }) => String(Math.round(judged?.face.interEyeDistance ?? 0)),
  },
  { name: 'Method', key: (row) => score(row)?.method, show: (row) => METHOD[score(row)?.method ?? 'diffiqa-r'] },
  {
    name: 'ms',
    numeric: true,
    key: ({ judged }) => judged?.face.timings.totalMs,
    show: ({ judged }) => String(Math.round(judged?.face.timings.totalMs ?? 0)),
  },
]
const PHOTO: Column = { name: 'Photo', key: ({ item }) => item.name, show: ({ item }) => item.name }

interface Order {
  readonly column: Column
  readonly down: boolean
}

/** What has no value stays at the end whichever way round. */
function sorted(rows: readonly Row[], order: Order | undefined): readonly Row[] {
  if (!order) return rows
  const { column, down } = order
  return [...rows].sort((a, b) => {
    const [x, y] = [column.key(a), column.key(b)]
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined)
    const way = typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y))
    return down ? -way : way
  })
}

export interface BatchTableProps {
  readonly rows: readonly Row[]
  readonly trial: Trial
  readonly selected: Selection | undefined
  readonly onSelect: (selection: Selection) => void
  readonly onClear: () => void
}

/** Every face on the page. */
export function BatchTable({ rows, trial, selected, onSelect, onClear }: BatchTableProps) {
  const [order, setOrder] = useState<Order>()
  const shown = sorted(rows, order)

  const header = (column: Column) => {
    const active = order?.column.name === column.name
    const direction = active ? (order.down ? 'descending' : 'ascending') : 'none'
    return (
      <th scope="col" key={column.name} aria-sort={direction} class={column.numeric ? 'is-number' : ''}>
        <button type="button" onClick={() => setOrder({ column, down: active && !order.down })}>
          {column.name}
          <span aria-hidden="true">{active ? (order.down ? ' ↓' : ' ↑') : ''}</span>
        </button>
      </th>
    )
  }

  return (
    <section class="panel batch" aria-labelledby="batch-title">
      <div class="panel-head">
        <h2 id="batch-title">All faces</h2>
        <div class="actions">
          <button type="button" class="button" onClick={() => download(toCsv(shown, trial), 'face-quality.csv')}>
            Export CSV
          </button>
          <button type="button" class="button" onClick={onClear}>
            Clear
          </button>
        </div>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whoever uses the keyboard has to be able to scroll it */}
      <section class="scroll" tabIndex={0} aria-label="Table of all faces">
        <table>
          <thead>
            <tr>
              {header(PHOTO)}
              {COLUMNS.map(header)}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => {
              const { item, index, judged, outcome } = row
              const current = selected?.id === item.id && selected.face === index
              const faces = item.answer?.faces.length ?? 1
              return (
                <tr key={`${item.id} ${index}`} class={current ? 'is-current' : ''}>
                  <th scope="row">
                    <button
                      type="button"
                      class="row-button"
                      aria-current={current}
                      onClick={() => onSelect({ id: item.id, face: index })}
                    >
                      {judged ? <Crop pixels={judged.face.crop} class="is-small" /> : <i class="crop is-small" />}
                      <span class="name">{item.name}</span>
                      {faces > 1 && <span class="quiet">face {index + 1}</span>}
                    </button>
                  </th>
                  <td>
                    <Badge outcome={outcome} weight={judged?.weight} />
                  </td>
                  {COLUMNS.slice(1).map((column) => (
                    <td key={column.name} class={column.numeric ? 'is-number' : ''}>
                      {column.key(row) === undefined ? '' : column.show(row)}
                    </td>
                  ))}
                </tr>
              )
            })}
          </tbody>
        </table>
      </section>
    </section>
  )
}
