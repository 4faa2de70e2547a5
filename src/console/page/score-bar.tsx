import type { QualityScore } from '../../quality/types.ts'
import type { Trial } from './state.ts'
import { fixed } from './words.ts'

const at = (share: number): string => `${Math.min(1, Math.max(0, share)) * 100}%`

/** Two labels closer than this would print over one another. */
const MIN_GAP = 0.12

interface Tick {
  readonly at: number
  readonly text: string
}

function ticksOf({ rejectBelow, acceptFrom }: Trial): Tick[] {
  const both = [rejectBelow, acceptFrom].map((at) => ({ at, text: fixed(at) }))
  if (acceptFrom - rejectBelow >= MIN_GAP) return both
  const texts = new Set(both.map(({ text }) => text))
  return [{ at: (rejectBelow + acceptFrom) / 2, text: [...texts].join(' – ') }]
}

/** The calibrated score with one standard deviation to each side, over the zones that the thresholds make. */
export function ScoreBar({ score, trial }: { score: Pick<QualityScore, 'value' | 'sigma'>; trial: Trial }) {
  const { value, sigma } = score
  const { rejectBelow, acceptFrom } = trial
  const low = Math.max(0, value - sigma)
  const high = Math.min(1, value + sigma)
  const words = `Score ${fixed(value)}, give or take ${fixed(sigma)}; refused below ${fixed(rejectBelow)}, accepted from ${fixed(acceptFrom)}`
  return (
    <div class="score-bar" role="img" aria-label={words}>
      <div class="zones">
        <i class="zone is-reject" style={{ width: at(rejectBelow) }} />
        <i class="zone is-down-weight" style={{ width: at(acceptFrom - rejectBelow) }} />
        <i class="zone is-accept" style={{ width: at(1 - acceptFrom) }} />
      </div>
      <i class="sigma" style={{ left: at(low), width: at(high - low) }} />
      <i class="value" style={{ left: at(value) }} />
      {/* Shifted by as much of its own width as it is far from the left: no label sticks out. */}
      {ticksOf(trial).map(({ at: place, text }) => (
        <span key={text} class="tick" style={{ left: at(place), transform: `translateX(-${at(place)})` }}>
          {text}
        </span>
      ))}
    </div>
  )
}
