import type { DiffiqaError } from '../errors.ts'
import type { Gate } from '../gate/gate.ts'
import { classify } from '../gate/outcome.ts'
import type { Mode } from '../gate/types.ts'
import type { Purpose } from '../inference/manifest.ts'

export interface UnreadRequest {
  readonly purpose: Purpose
  readonly mode: Mode
  /** Since the request came. */
  readonly totalMs: number
}

/**
 * Counts a request whose photo never got as far as `gate.assess()`, in the way the gate counts those that did: one `assessed` event and
 * the event that says why.
 */
export function reportUnread(gate: Gate, error: DiffiqaError, { purpose, mode, totalMs }: UnreadRequest): void {
  const { code } = error
  const failure = classify(error)
  if (failure.kind === 'refusal') gate.emit('refusal', { reason: failure.reason, code, purpose, mode })
  else if (failure.kind === 'shed') gate.emit('shed', { reason: failure.reason })
  else if (failure.kind === 'error') gate.emit('failure', { code })
  const outcome = failure.kind === 'refusal' ? 'reject' : failure.kind
  gate.emit('assessed', { outcome, totalMs, faces: undefined, purpose })
}
