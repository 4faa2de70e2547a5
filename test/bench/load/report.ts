import { mkdirSync, writeFileSync } from 'node:fs'
import { markdownTable } from '../../../src/cli/markdown-table.ts'
import { openPlotter } from '../../../src/evaluation/plot.ts'
import { type Campaign, WORKERS } from './campaign.ts'
import type { Cell, Spread } from './cells.ts'

const KNEE = 'docs/images/load-knee.svg'

const rate = (value: number): string => value.toFixed(1)
const ms = (value: number): string => (Number.isNaN(value) ? '' : value.toFixed(0))
const pair = ({ p50, p99 }: Spread): string => (Number.isNaN(p50) ? '' : `${p50.toFixed(0)} / ${p99.toFixed(0)}`)
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

/** What the issue asks for, found or not. */
export function goalsOf({ cells, capacity, soak }: Campaign): string {
  const rows = capacity.map(({ workers, escalation }) => {
    const own = [...capacity, ...cells].filter((cell) => cell.workers === workers && cell.escalation === escalation)
    const open = own.filter(({ load, times }) => load.loop === 'open' && times !== undefined)
    const peak = Math.max(...open.map(({ goodput }) => goodput))
    const last = open.find(({ times }) => times === 3) as Cell
    const met = last.goodput >= 0.9 * peak
    const found = `${percent(last.goodput / peak)} (${rate(last.goodput)} of ${rate(peak)}/s)`
    return [
      `goodput at three times capacity, ${workers} workers, escalation ${percent(escalation)}`,
      '≥ 90 % of the peak',
      found,
      met ? 'met' : '**missed**',
    ]
  })
  const growth = [
    `memory over ${soak.photos} photos`,
    '≤ 5 MB',
    `${soak.growthMb.toFixed(1)} MB`,
    soak.growthMb <= 5 ? 'met' : '**missed**',
  ]
  const shed = cells.filter((cell) => cell.shed > 0)
  const refused = shed.reduce((sum, cell) => sum + cell.shed, 0)
  const right = shed.reduce((sum, cell) => sum + cell.shed * cell.retryAfterRight, 0) / Math.max(1e-9, refused)
  const retry = [
    '503 answers with a right Retry-After',
    '100 %',
    percent(refused > 0 ? right : 1),
    right > 0.9999 || refused === 0 ? 'met' : '**missed**',
  ]
  return markdownTable(['goal', 'wanted', 'found', ''], [...rows, growth, retry])
}

/** Every cell, a table for each number of workers. */
export function tablesOf({ capacity, cells }: Campaign): string {
  const header = [
    'escalation',
    'load',
    'offered/s',
    'verdicts/s',
    'p50 / p99 ms',
    'shed/s',
    'shed p50 / p99 ms',
    'Retry-After s',
    'other',
    'looked at twice',
    'loop delay p99 ms',
    'MB',
  ]
  const row = (cell: Cell): string[] => [
    percent(cell.escalation),
    cell.times === undefined ? 'capacity' : `${cell.times}×, ${cell.load.loop}`,
    rate(cell.offered),
    rate(cell.goodput),
    pair(cell.latency),
    rate(cell.shed),
    pair(cell.shedLatency),
    cell.retryAfter.join(', '),
    Object.entries(cell.others)
      .map(([status, count]) => `${count} × ${status}`)
      .join(', '),
    percent(cell.escalated),
    ms(cell.loopDelay.p99),
    ms(cell.rssMb),
  ]
  return WORKERS.map((workers) => {
    const own = (list: readonly Cell[]): Cell[] => list.filter((cell) => cell.workers === workers)
    const rows = own(capacity).flatMap((most) => [
      most,
      ...own(cells).filter(({ escalation }) => escalation === most.escalation),
    ])
    return `${workers === 1 ? 'One worker' : `${workers} workers`}:\n\n${markdownTable(header, rows.map(row))}`
  }).join('\n')
}

/** Draws verdicts over offered photos, open loop: the knee and what comes after it. @returns the file */
export async function drawKnee({ cells }: Campaign): Promise<string> {
  const open = cells.filter(({ load }) => load.loop === 'open')
  const names = new Map<string, Cell[]>()
  for (const cell of open) {
    const name = `${cell.workers} worker${cell.workers === 1 ? '' : 's'}, ${percent(cell.escalation)} uncertain`
    names.set(name, [...(names.get(name) ?? []), cell])
  }
  const lines = [...names].map(([name, list]) => ({
    name,
    points: list
      .map(({ offered, goodput }) => [Number(offered.toFixed(2)), Number(goodput.toFixed(2))] as const)
      .toSorted(([a], [b]) => a - b),
  }))
  const most = Math.max(...open.map(({ goodput }) => goodput))
  const draw = await openPlotter()
  const svg = draw({
    title: 'Verdicts over photos offered, open loop',
    x: { title: 'photos offered a second', min: 0 },
    y: { title: 'verdicts a second', min: 0 },
    lines: [
      ...lines,
      {
        name: 'all answered',
        dashed: true,
        points: [
          [0, 0],
          [most, most],
        ] as const,
      },
    ],
  })
  mkdirSync('docs/images', { recursive: true })
  writeFileSync(KNEE, svg)
  return KNEE
}
