import type { Row } from './rows.ts'
import type { Trial } from './state.ts'

const BINS = 60
const WIDTH = 600
const HEIGHT = 96
const RADIUS = 4

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
  const step = Math.min(2 * RADIUS + 1, (HEIGHT - 2 * RADIUS) / tallest)
  return (
    <svg
      class="dot-plot"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label="Scores of all faces on this page"
    >
      <rect class="is-reject" x={0} y={0} width={rejectBelow * WIDTH} height={HEIGHT} />
      <rect
        class="is-down-weight"
        x={rejectBelow * WIDTH}
        y={0}
        width={(acceptFrom - rejectBelow) * WIDTH}
        height={HEIGHT}
      />
      <rect class="is-accept" x={acceptFrom * WIDTH} y={0} width={(1 - acceptFrom) * WIDTH} height={HEIGHT} />
      {faces.map(({ key, bin, level, decision }) => (
        <circle
          key={key}
          class={`is-${decision}`}
          cx={((bin + 0.5) / BINS) * WIDTH}
          cy={HEIGHT - RADIUS - 2 - level * step}
          r={RADIUS}
        />
      ))}
    </svg>
  )
}
