import type { Photo } from '../face/types.ts'
import { checkNumber } from './check-keys.ts'
import { isPhoto, judgeFrames, MAX_FRAMES, type RankedFrame, requireFrames, usableFrames } from './frames.ts'
import type { Gate } from './gate.ts'
import type { AssessOptions } from './types.ts'

/**
 * `gate.best()`: the frames to go on with, the best first.
 * @throws DiffiqaError `invalid-option`, `quality-rejected` or a refusal when no frame is good enough, whatever `assess()` throws.
 */
export async function bestFrames(
  gate: Pick<Gate, 'assess'>,
  frames: readonly (Photo | Uint8Array)[],
  count: number,
  options: AssessOptions,
): Promise<RankedFrame[]> {
  requireFrames(frames, isPhoto)
  checkNumber('n', count, { min: 1, max: MAX_FRAMES, integer: true })
  const judged = await judgeFrames(frames, async (photo) => {
    const assessment = await gate.assess(photo, options)
    return { verdict: assessment.verdict, value: { photo, assessment } }
  })
  const usable = usableFrames(judged, ({ verdict: { mode, decision } }) => mode !== 'enforce' || decision !== 'reject')
  return usable.slice(0, count).map(({ index, value }) => ({ index, ...value }))
}
