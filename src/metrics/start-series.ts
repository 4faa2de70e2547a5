import type { MatcherOperation } from '../gate/events.ts'
import type { Mode } from '../gate/types.ts'
import type { Families } from './families.ts'
import { LABELS } from './labels.ts'

/** Where the verdicts' series have labels that the application names. */
export interface VerdictLabels {
  readonly matcher: string
  /** Undefined: no label `group`. */
  readonly groups: readonly string[] | undefined
  /** Groups start in this mode only: all modes of seventeen groups would be more series than one family should have. */
  readonly mode: Mode
}

/** Every combination that any verdict can have, at 0; what was there before goes. */
export function startVerdicts(families: Families, { matcher, groups, mode }: VerdictLabels): void {
  const { verdicts, rejections, degraded, score } = families
  for (const family of [verdicts, rejections, degraded, score]) family.reset()
  for (const purpose of LABELS.purpose) {
    for (const decision of LABELS.decision) {
      if (!groups) for (const each of LABELS.mode) verdicts.inc({ matcher, purpose, mode: each, decision }, 0)
      for (const group of groups ?? []) verdicts.inc({ matcher, purpose, mode, decision, group }, 0)
    }
    for (const reason of LABELS.reason) rejections.inc({ matcher, purpose, reason }, 0)
  }
  degraded.inc({ matcher }, 0)
  // Of the score histogram, a group's series come with its first photo: they are a score of series each.
  if (!groups) for (const method of ['diffiqa_r', 'combined']) score.zero({ matcher, purpose: 'probe', method })
}

/** Calls of a matcher, at 0. */
export function startMatcher({ matcherCalls }: Families, matcher: string, operation: MatcherOperation): void {
  for (const outcome of LABELS.matcherOutcome) matcherCalls.inc({ matcher, operation, outcome }, 0)
}
