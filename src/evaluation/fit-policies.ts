import type { CalibratedScoring } from '../gate/calibration.ts'
import type { PolicyName, Purpose, ScoringManifest, ThresholdSet } from '../inference/manifest.ts'
import { quantile } from './quantile.ts'

/** Policy → purpose → shares of recognisable photos: rejected at most, not fully accepted. As those of the manifest were fitted. */
const SHARES: Readonly<Record<PolicyName, Readonly<Record<Purpose, readonly [number, number]>>>> = {
  lenient: { probe: [0.005, 0.03], enrolment: [0.01, 0.1] },
  balanced: { probe: [0.01, 0.06], enrolment: [0.03, 0.2] },
  strict: { probe: [0.03, 0.2], enrolment: [0.08, 0.35] },
}
const MIN_WEIGHT = 0.8
/**
 * Policies by what they refuse, but never stricter than the shipped ones: a value is the same probability there and here, and to a strong
 * matcher even the worst of good photos are near certain.
 */
export function fitPolicies(
  values: readonly number[],
  shipped: ScoringManifest['thresholds'],
): CalibratedScoring['thresholds'] {
  const sorted = [...values].sort((a, b) => a - b)
  const set = (policy: PolicyName, purpose: Purpose): ThresholdSet => {
    const [rejected, below] = SHARES[policy][purpose]
    const most = shipped[policy][purpose]
    return {
      rejectBelow: fourDigits(Math.min(quantile(sorted, rejected), most.rejectBelow)),
      acceptFrom: fourDigits(Math.min(quantile(sorted, below), most.acceptFrom)),
      minWeight: MIN_WEIGHT,
    }
  }
  const both = (policy: PolicyName) => ({ probe: set(policy, 'probe'), enrolment: set(policy, 'enrolment') })
  return { lenient: both('lenient'), balanced: both('balanced'), strict: both('strict') }
}

const fourDigits = (value: number): number => Math.round(value * 1e4) / 1e4
