import type { ScoringManifest } from '../inference/manifest.ts'
import { checkKeys, checkOneOf } from './check-keys.ts'
import type { GateUpdate } from './gate.ts'
import { MODES } from './options.ts'
import { namedPolicy, overridePolicy, type Policy } from './policy.ts'
import type { Mode } from './types.ts'

/** What can be changed while the gate runs; replaced as a whole, so that no assessment sees half of a change. */
export interface Settings {
  readonly mode: Mode
  readonly policy: Policy
}

/**
 * The settings after a change.
 * @throws DiffiqaError `invalid-option`; nothing has changed then.
 */
export function applyUpdate(current: Settings, change: GateUpdate, scoring: ScoringManifest): Settings {
  checkKeys('', change, ['policy', 'thresholds', 'mode'])
  if (change.mode !== undefined) checkOneOf('mode', change.mode, MODES)
  const base = change.policy === undefined ? current.policy : namedPolicy(scoring, change.policy)
  return Object.freeze({
    mode: change.mode ?? current.mode,
    policy: change.thresholds === undefined ? base : overridePolicy(base, change.thresholds),
  })
}
