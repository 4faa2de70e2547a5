import { verdictOf } from '../fixtures/probes.ts'
import type { ScriptedGate } from '../fixtures/scripted-gate.ts'

/** Everything that a gate without special options can tell. */
export function tellEverything(gate: ScriptedGate): void {
  const score = (method: 'diffiqa-r' | 'combined') => ({ value: 0.5, sigma: 0.1, method, raw: 0, modelVersion: 'x' })
  for (const decision of ['accept', 'down-weight', 'reject'] as const)
    for (const escalation of [
      'not-needed',
      'confirmed',
      'overturned',
      'skipped-budget',
      'skipped-deadline',
      'failed',
    ] as const) {
      const method = escalation === 'confirmed' ? 'combined' : 'diffiqa-r'
      gate.emit('verdict', { verdict: verdictOf({ decision, escalation, score: score(method) }) })
      gate.emit('assessed', { outcome: decision, totalMs: 40, faces: 1, purpose: 'probe' })
    }
  for (const outcome of ['shed', 'error', 'aborted'] as const)
    gate.emit('assessed', { outcome, totalMs: 40, faces: undefined, purpose: 'probe' })
  for (const outcome of ['ok', 'error', 'aborted', 'withheld'] as const)
    gate.emit('matcher', {
      matcher: 'human',
      operation: 'identify',
      outcome,
      durationMs: 3,
      purpose: 'probe',
      rawScore: 0.6,
      adjustedScore: 0.5,
    })
}
