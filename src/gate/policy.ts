import type { PolicyName, Purpose, ScoringManifest, ThresholdSet } from '../inference/manifest.ts'
import { checkKeys, checkNumber, checkOneOf, invalidOption } from './check-keys.ts'
import type { Decision } from './types.ts'

export const POLICY_NAMES: readonly PolicyName[] = ['lenient', 'balanced', 'strict']
export const PURPOSES: readonly Purpose[] = ['probe', 'enrolment']

const THRESHOLD_KEYS = ['rejectBelow', 'acceptFrom', 'minWeight'] as const

/** Thresholds of both purposes. */
export type Thresholds = Readonly<Record<Purpose, ThresholdSet>>
/** Single numbers that replace those of a policy. */
export type ThresholdOverrides = Partial<Readonly<Record<Purpose, Partial<ThresholdSet>>>>

export interface Policy {
  /** `custom` once a single number was changed. */
  readonly name: PolicyName | 'custom'
  readonly thresholds: Thresholds
}

/** @throws DiffiqaError `invalid-option` naming the field. */
export function checkOverrides(overrides: unknown): asserts overrides is ThresholdOverrides {
  checkKeys('thresholds', overrides, PURPOSES)
  for (const [purpose, set] of Object.entries(overrides)) {
    if (set === undefined) continue
    checkKeys(`thresholds.${purpose}`, set, THRESHOLD_KEYS)
    for (const [key, value] of Object.entries(set)) {
      const option = `thresholds.${purpose}.${key}`
      if (value !== undefined) checkNumber(option, value, { min: 0, max: 1 })
      if (key === 'minWeight' && value === 0) throw invalidOption(option, `${option} must be above 0`)
    }
  }
}

function merge(base: ThresholdSet, changes: Partial<ThresholdSet> | undefined, purpose: Purpose): ThresholdSet {
  const merged = Object.freeze({
    rejectBelow: changes?.rejectBelow ?? base.rejectBelow,
    acceptFrom: changes?.acceptFrom ?? base.acceptFrom,
    minWeight: changes?.minWeight ?? base.minWeight,
  })
  if (merged.acceptFrom >= merged.rejectBelow) return merged
  const option = `thresholds.${purpose}.${changes?.acceptFrom === undefined ? 'rejectBelow' : 'acceptFrom'}`
  throw invalidOption(
    option,
    `thresholds.${purpose}: acceptFrom (${merged.acceptFrom}) must not be below rejectBelow (${merged.rejectBelow})`,
  )
}

/** A policy as the manifest fitted it. */
export function namedPolicy(scoring: ScoringManifest, name: PolicyName): Policy {
  checkOneOf('policy', name, POLICY_NAMES)
  return overridePolicy({ name, thresholds: scoring.thresholds[name] }, {})
}

/**
 * Change single thresholds.
 * @throws DiffiqaError `invalid-option`, also when the thresholds would then contradict each other.
 */
export function overridePolicy(base: Policy, overrides: ThresholdOverrides): Policy {
  checkOverrides(overrides)
  const changed = Object.values(overrides).some((set) => set && Object.values(set).some((value) => value !== undefined))
  return Object.freeze({
    name: changed ? 'custom' : base.name,
    thresholds: Object.freeze({
      probe: merge(base.thresholds.probe, overrides.probe, 'probe'),
      enrolment: merge(base.thresholds.enrolment, overrides.enrolment, 'enrolment'),
    }),
  })
}

export interface Judgement {
  readonly decision: Decision
  /** 0 for reject, 1 for accept, from minWeight to 1 between. */
  readonly weight: number
}

/**
 * What a score means under a set of thresholds: below `rejectBelow` reject, from `acceptFrom` on accept, between them down-weight with a
 * weight that rises in a straight line from `minWeight` to 1. Never better for a lower value.
 * @param value Calibrated score, 0..1.
 */
export function judge(value: number, { rejectBelow, acceptFrom, minWeight }: ThresholdSet): Judgement {
  if (!(value >= rejectBelow)) return { decision: 'reject', weight: 0 }
  if (value >= acceptFrom) return { decision: 'accept', weight: 1 }
  const share = (value - rejectBelow) / (acceptFrom - rejectBelow)
  return { decision: 'down-weight', weight: Math.min(1, minWeight + (1 - minWeight) * share) }
}
