import type { Row } from './rows.ts'
import type { Trial } from './state.ts'

const BINS = 100
const HEIGHT = 96
const RADIUS = 4.5

const percent = (share: number): string => `${100 * share}%`

/** Every face on the page by its score, over the zones that the thresholds make; faces of about the same score are stacked. */
export function DotPlot({ rows, trial }: { rows: readonly Row[]; trial: Trial }) {
  const { rejectBelow, acceptFrom } = trial
  const heights = new Map<number, number>()
  const faces = rows.flatMap(({ judged, item, index }) => {
    if (!judged) return []
    const bin = Math.min(BINS - 1, Math.floor(judged.face.score.value * BINS))
    const level = heights.get(bin) ?? 0
    heights.set(bin, level + 1)
    return [{ key: `${item.id} ${index}`, bin, level, decision: judged.decision }]
  })
  const tallest = Math.max(1, ...heights.values())
  const step = Math.min(2 * RADIUS + 1.5, (HEIGHT - 2 * RADIUS - 4) / tallest)
  const zone = (name: string, from: number, to: number) => (
    <rect class={name} x={percent(from)} y={0} width={percent(to - from)} height={HEIGHT} />
  )
  return (
    <svg class="dot-plot" height={HEIGHT} role="img" aria-label="Scores of all faces on this page, from 0 to 1">
      {zone('is-reject', 0, rejectBelow)}
      {zone('is-down-weight', rejectBelow, acceptFrom)}
      {zone('is-accept', acceptFrom, 1)}
      {faces.map(({ key, bin, level, decision }) => (
        <circle
          key={key}
          class={`is-${decision}`}
          cx={percent((bin + 0.5) / BINS)}
          cy={HEIGHT - RADIUS - 3 - level * step}
          r={RADIUS}
        />
      ))}
    </svg>
  )
}
