import { CROP_SIZE } from '../face/align.ts'
import type { AlignedFace } from '../face/types.ts'
import type { InferenceBackend } from '../inference/backend.ts'
import type { Explanation } from '../quality/diffiqa.ts'
import { checkKeys, checkNumber, invalidOption } from './check-keys.ts'
import { DEADLINE_RANGE } from './options.ts'
import { type ExplainInput, TASKS } from './worker-tasks.ts'

export interface ExplainCallOptions {
  /** Milliseconds, waiting included. @default the gate's deadlineMs */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

const CROP_BYTES = CROP_SIZE * CROP_SIZE * 3

/**
 * Runs full DifFIQA on one crop and brings back the pictures it compared.
 * @throws DiffiqaError `invalid-option`; `deadline-exceeded`, `queue-full`, `aborted` and what else the backend throws.
 */
export async function explainCrop(
  backend: InferenceBackend,
  crop: Pick<AlignedFace, 'pixels'>,
  options: ExplainCallOptions,
  usualDeadlineMs: number,
): Promise<Explanation> {
  checkKeys('', options, ['deadlineMs', 'signal'])
  const { deadlineMs = usualDeadlineMs, signal } = options
  checkNumber('deadlineMs', deadlineMs, DEADLINE_RANGE)
  if (!(crop?.pixels instanceof Uint8Array) || crop.pixels.length !== CROP_BYTES)
    throw invalidOption('crop', `A crop has pixels: ${CROP_BYTES} bytes, as assess() gives them with crops: true`)
  const input: ExplainInput = { pixels: new Uint8Array(crop.pixels) }
  const { value } = await backend.run<Explanation>(
    { name: TASKS.explain, input },
    {
      kind: 'full',
      deadline: performance.now() + deadlineMs,
      transfer: [input.pixels.buffer as ArrayBuffer],
      ...(signal && { signal }),
    },
  )
  return value
}
