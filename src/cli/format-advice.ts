import type { Advice, CumulativeStep } from './advice.ts'
import type { AdviseOptions } from './advise-options.ts'

const WIDTH = 40
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
/** At most four digits behind the point: thresholds are bounds too, and have many. */
const bound = (value: number): string => String(Number(value.toFixed(4)))

/** For people: what each threshold would refuse, and the matcher's scores. */
export function adviceText(
  advice: Advice,
  { purpose, last, job }: Pick<AdviseOptions, 'purpose' | 'last' | 'job'>,
): string {
  const { judged, refusedAnyway, rejectBelow, acceptFrom, scores, rawScores, adjustedScores } = advice
  const now = (upTo: number): string =>
    upTo === rejectBelow ? '  <- reject_below now' : upTo === acceptFrom ? '  <- accept_from now' : ''
  const lines = scores.map(({ upTo, share, count }) =>
    `${bound(upTo).padStart(9)}  ${percent(share).padStart(7)}  ${String(count).padStart(8)}  ${bar(share)}${now(upTo)}`.trimEnd(),
  )
  return `${judged} ${purpose} photos of ${job} were judged in the last ${last}; ${refusedAnyway} more were refused without a score.

THRESHOLD   REFUSED     FACES
${lines.join('\n')}

REFUSED: share of judged faces with a score up to the threshold. Numbers are Prometheus' estimates.
${matcherText(rawScores, adjustedScores)}`
}

const bar = (share: number): string => '#'.repeat(Math.round(share * WIDTH))

function matcherText(raw: readonly CumulativeStep[], adjusted: readonly CumulativeStep[]): string {
  if (raw.length === 0) return '\nNo scores of the matcher are recorded; wrap it with guard() to see them here.\n'
  const rows = raw.map(({ upTo, share, count }) => {
    const other = adjusted.find((step) => step.upTo === upTo)
    const cells = [
      bound(upTo).padStart(9),
      percent(share).padStart(8),
      (other ? percent(other.share) : '-').padStart(9),
      String(count).padStart(8),
    ]
    return `${cells.join('  ')}  ${bar(share)}`.trimEnd()
  })
  return `
BEST SCORE       RAW   ADJUSTED   ANSWERS
${rows.join('\n')}

BEST SCORE: share of the matcher's answers whose best candidate scored up to this, 0..1 on its scale, as the matcher
gave it and as down-weighting by quality changes it. A threshold pays where raw scores of poor photos fill the valley
between strangers and genuine people.
`
}
