import type { DiffiqaError, ErrorCode } from '../errors.ts'
import type { ReasonCode } from '../quality/types.ts'
import type { GateEvents } from './events.ts'

/** Refusals of the photo itself, by the reason they are counted under. */
const REFUSALS: Partial<Readonly<Record<ErrorCode, ReasonCode>>> = {
  'no-face': 'no_face',
  'several-faces': 'several_faces',
  'face-too-small': 'too_small',
  'empty-body': 'unreadable',
  'unreadable-image': 'unreadable',
  'unsupported-media-type': 'unsupported',
  'too-many-pixels': 'too_large',
  'payload-too-large': 'too_large',
}

/** What a failed assessment is counted as. Each is exactly one of them. */
export type FailureKind =
  | { readonly kind: 'refusal'; readonly reason: ReasonCode }
  | { readonly kind: 'shed'; readonly reason: GateEvents['shed']['reason'] }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'error' }

/**
 * `refusal`: the photo's fault. `shed`: turned away or given up before any work was done on it. `aborted`: nobody waits any more. `error`:
 * everything else, also a deadline that passed while the work was under way.
 */
export function classify({ code, details }: DiffiqaError): FailureKind {
  const reason = REFUSALS[code]
  if (reason) return { kind: 'refusal', reason }
  switch (code) {
    case 'queue-full':
      return { kind: 'shed', reason: details.reason === 'deadline' ? 'deadline' : 'queue_full' }
    case 'deadline-exceeded':
      return details.phase === 'queue' ? { kind: 'shed', reason: 'deadline' } : { kind: 'error' }
    case 'shutting-down':
    case 'gate-closed':
      return { kind: 'shed', reason: 'draining' }
    case 'aborted':
    case 'client-gone':
      return { kind: 'aborted' }
    default:
      return { kind: 'error' }
  }
}

/** Failures that `onFailure: 'pass'` lets through: the gate's, not the photo's, the caller's or those of a closed gate. */
export function isPassable(error: DiffiqaError): boolean {
  const { kind } = classify(error)
  return (kind === 'shed' || kind === 'error') && error.code !== 'gate-closed' && error.code !== 'invalid-option'
}
