import type { DiffiqaError } from '../errors.ts'
import type { Gate } from '../gate/gate.ts'
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
export function reportUnread(gate: Gate, { code }: DiffiqaError, { purpose, mode, totalMs }: UnreadRequest): void {
  const assessed = { totalMs, faces: undefined, purpose }
  if (code === 'payload-too-large' || code === 'unsupported-media-type') {
    const reason = code === 'payload-too-large' ? 'too_large' : 'unsupported'
    gate.emit('refusal', { reason, code, purpose, mode })
    gate.emit('assessed', { ...assessed, outcome: 'reject' })
    return
  }
  gate.emit('failure', { code })
  gate.emit('assessed', { ...assessed, outcome: code === 'client-gone' ? 'aborted' : 'error' })
}
