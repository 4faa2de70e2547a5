import type { QualityScore } from '../../quality/types.ts'
import type { Trial } from './state.ts'
import { fixed } from './words.ts'

const at = (share: number): string => `${Math.min(1, Math.max(0, share)) * 100}%`

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
      <span class="tick" style={{ left: at(rejectBelow) }}>
        {fixed(rejectBelow)}
      </span>
      <span class="tick" style={{ left: at(acceptFrom) }}>
        {fixed(acceptFrom)}
      </span>
    </div>
  )
}
