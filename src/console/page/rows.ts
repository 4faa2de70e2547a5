import { judge } from '../../gate/policy.ts'
import type { Decision } from '../../gate/types.ts'
import { reasonsFor } from '../../quality/reasons.ts'
import type { Reason } from '../../quality/types.ts'
import type { FaceAnswer } from '../wire.ts'
import type { Problem } from './api.ts'
import type { Item, Trial } from './state.ts'

/** `refused`: a photo without a face to judge; `failed`: no answer about it. */
export type Outcome = Decision | 'refused' | 'failed' | 'working'

/** A face judged by the thresholds under trial, with the gate's own code. */
export interface JudgedFace {
  readonly face: FaceAnswer
  readonly decision: Decision
  readonly weight: number
  readonly reasons: readonly Reason[]
}

/** One line of the table: a face, or a photo without one. */
export interface Row {
  readonly item: Item
  readonly index: number
  readonly outcome: Outcome
  readonly judged: JudgedFace | undefined
  readonly reasons: readonly Reason[]
}

export function judgeFace(face: FaceAnswer, trial: Trial): JudgedFace {
  const { decision, weight } = judge(face.score.value, trial)
  return { face, decision, weight, reasons: reasonsFor(face.measures, face.score, trial) }
}

/** Refusals are about the photo and have something that the person in it can do; everything else is a failure. */
export const isRefusal = ({ status }: Problem): boolean => status === 413 || status === 415 || status === 422

export function rowsOf(items: readonly Item[], trial: Trial): Row[] {
  return items.flatMap((item): Row[] => {
    const { answer, problem } = item
    if (answer)
      return answer.faces.map((face, index) => {
        const judged = judgeFace(face, trial)
        return { item, index, outcome: judged.decision, judged, reasons: judged.reasons }
      })
    const outcome = !problem ? 'working' : isRefusal(problem) ? 'refused' : 'failed'
    return [{ item, index: 0, outcome, judged: undefined, reasons: problem?.reasons ?? [] }]
  })
}
