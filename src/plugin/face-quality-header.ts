import type { Verdict } from '../gate/types.ts'
import { roundScore } from './problem.ts'

/** Value of the `Face-Quality` header: an RFC 9651 item such as `accept;score=0.87;method=diffiqa-r`, or `accept;degraded` without a score. */
export function faceQualityHeader({ decision, score, degraded }: Verdict): string {
  if (degraded || !score) return `${decision};degraded`
  return `${decision};score=${decimal(roundScore(score.value))};method=${score.method}`
}

/** A structured field's decimal always has a fraction. */
const decimal = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value))
