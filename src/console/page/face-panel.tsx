import type { ComponentChildren } from 'preact'
import type { Reason } from '../../quality/types.ts'
import { Badge } from './badge.tsx'
import { countBeyond, MeasureTable } from './measures.tsx'
import type { JudgedFace } from './rows.ts'
import { ScoreBar } from './score-bar.tsx'
import type { Trial } from './state.ts'
import { fixed, METHOD, OUTCOME } from './words.ts'

export function ReasonList({ reasons }: { reasons: readonly Reason[] }) {
  if (reasons.length === 0) return null
  return (
    <ul class="reasons">
      {reasons.map(({ advice }) => (
        <li key={advice}>{advice}</li>
      ))}
    </ul>
  )
}

/** Beside the photo there is room for the measures; below it they would stand before everything else. */
const HAS_ROOM = globalThis.matchMedia?.('(min-width: 821px)').matches ?? false

/** For people who hear the page: the verdict and what to do, told when they change and not with every number. */
function Announcement({ decision, reasons }: JudgedFace) {
  return (
    <p class="hidden" aria-live="polite">
      {OUTCOME[decision].word}. {reasons[0]?.advice}
    </p>
  )
}

const SECOND_LOOK: Readonly<Record<string, string>> = {
  confirmed: 'The full score was asked too and came to the same verdict.',
  overturned: 'The full score was asked too and changed the verdict.',
  'skipped-budget': 'Not certain; the full score was not asked, since its share of the load is used up.',
  'skipped-deadline': 'Not certain; the full score was not asked for want of time.',
  failed: 'Not certain; the full score failed.',
}

export interface FacePanelProps {
  readonly judged: JudgedFace
  readonly trial: Trial
  /** Between the reasons and the measures. */
  readonly children?: ComponentChildren
}

/** Verdict, score, reasons and measures of one face. */
export function FacePanel({ judged, trial, children }: FacePanelProps) {
  const { face, decision, weight, reasons } = judged
  const { score, escalation, measures, timings } = face
  const beyond = countBeyond(measures)
  return (
    <>
      <Announcement {...judged} />
      <div class="verdict">
        <Badge outcome={decision} weight={weight} />
        <p class="score">
          <strong>{fixed(score.value)}</strong> <span>± {fixed(score.sigma)}</span>
        </p>
      </div>
      <ScoreBar score={score} trial={trial} />
      <p class="quiet">
        Probability that a genuine comparison passes, by {METHOD[score.method]}. {SECOND_LOOK[escalation]}
      </p>
      <ReasonList reasons={reasons} />
      {children}
      <details class="fold" open={HAS_ROOM}>
        <summary>Measures{beyond > 0 && <span class="beyond"> · {beyond} beyond the usual limit</span>}</summary>
        <MeasureTable measures={measures} />
        <p class="quiet">
          {Math.round(timings.totalMs)} ms in all: decode {Math.round(timings.decodeMs)}, detect{' '}
          {Math.round(timings.detectMs)}, align and measure {Math.round(timings.alignMs)}, DifFIQA(R){' '}
          {Math.round(timings.diffiqaRMs)}, DifFIQA {Math.round(timings.diffiqaMs)}.
        </p>
      </details>
    </>
  )
}
