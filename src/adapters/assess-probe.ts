import { isDiffiqaError } from '../errors.ts'
import type { Photo } from '../face/types.ts'
import { degradedAssessment } from '../gate/degraded.ts'
import type { Gate } from '../gate/gate.ts'
import type { Mode, Verdict } from '../gate/types.ts'
import type { Purpose } from '../inference/manifest.ts'
import type { ProbeInput } from './guard-types.ts'
import type { Probe } from './matcher.ts'
import { createProbe, type FaceQuality } from './probe.ts'
import { rejudge } from './rejudge.ts'
import { requireBytes } from './require-bytes.ts'

export interface AssessedProbe {
  readonly verdict: Verdict
  readonly probe: Probe
  readonly mode: Mode
}

export interface ProbeRequest {
  readonly purpose: Purpose
  readonly mode: Mode | undefined
  readonly faces: 'one' | 'largest'
  readonly signal: AbortSignal | undefined
}

/**
 * The verdict on an input, and what the matcher gets of it. An assessment is not made again, only judged anew where it was made for another
 * purpose. Where the mode is not `enforce`, a photo that cannot be assessed gets a degraded verdict instead of an error.
 * @throws DiffiqaError `invalid-option` for an input that is not bytes; whatever `gate.assess()` throws.
 */
export async function assessProbe(gate: Gate, input: ProbeInput, request: ProbeRequest): Promise<AssessedProbe> {
  const { purpose, signal, faces } = request
  requireInput(input)
  if (isFaceQuality(input)) {
    const mode = request.mode ?? input.verdict.mode
    const verdict = rejudge(input.verdict, purpose, gate.thresholds[purpose])
    return { verdict, probe: input.probe, mode }
  }
  const bytes = input instanceof Uint8Array ? input : input.bytes
  const mode = request.mode ?? gate.mode
  const start = performance.now()
  try {
    const assessment = await gate.assess(input, { purpose, mode, faces, crops: true, ...(signal && { signal }) })
    return { verdict: assessment.verdict, probe: createProbe(bytes, assessment), mode }
  } catch (error) {
    if (mode === 'enforce' || signal?.aborted) throw error
    const code = isDiffiqaError(error) ? error.code : 'scoring-failed'
    const thresholds = gate.thresholds[purpose]
    const assessment = degradedAssessment(code, { purpose, mode, thresholds, totalMs: performance.now() - start })
    return { verdict: assessment.verdict, probe: createProbe(bytes, assessment), mode }
  }
}

function requireInput(input: unknown): asserts input is ProbeInput {
  if (!((input as Photo | null | undefined)?.bytes instanceof Uint8Array)) requireBytes(input)
}

function isFaceQuality(input: ProbeInput): input is FaceQuality {
  return 'verdict' in input && 'probe' in input
}
