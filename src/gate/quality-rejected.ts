import { DiffiqaError } from '../errors.ts'
import type { Verdict } from './types.ts'

/**
 * The refusal of a face, with what its owner can do about it. `photo` tells which side of a verification it was. Numbers are rounded: an exact score would help an attacker to climb.
 */
export function qualityRejected({ score, reasons, thresholds }: Verdict, photo: 'probe' | 'reference'): DiffiqaError {
  return new DiffiqaError('quality-rejected', reasons[0]?.advice, {
    details: {
      photo,
      ...(score && { score: round(score.value), sigma: round(score.sigma), method: score.method }),
      threshold: round(thresholds.rejectBelow),
      reasons: reasons.map((reason) => ({
        ...reason,
        ...(reason.value !== undefined && { value: round(reason.value) }),
        ...(reason.threshold !== undefined && { threshold: round(reason.threshold) }),
      })),
    },
  })
}

const round = (value: number): number => Math.round(value * 100) / 100
