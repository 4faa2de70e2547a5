import type { Outcome } from './rows.ts'
import { OUTCOME } from './words.ts'

/** A verdict by word, sign and colour. */
export function Badge({ outcome, weight }: { outcome: Outcome; weight?: number | undefined }) {
  const { word, sign } = OUTCOME[outcome]
  return (
    <span class={`badge is-${outcome}`}>
      <span aria-hidden="true">{sign}</span> {word}
      {outcome === 'down-weight' && weight !== undefined && ` × ${weight.toFixed(2)}`}
    </span>
  )
}
