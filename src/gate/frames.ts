import { DiffiqaError, type ErrorCode, isDiffiqaError } from '../errors.ts'
import type { Photo } from '../face/types.ts'
import { invalidOption } from './check-keys.ts'
import { classify } from './outcome.ts'
import { qualityRejected } from './quality-rejected.ts'
import type { Assessment, Verdict } from './types.ts'

/** More frames of one capture tell nothing new and would hold up everybody else. */
export const MAX_FRAMES = 100

/** Frames that are in work at a time; the rest of a capture leaves room for other people's photos. */
const AT_ONCE = 4

/** A frame that may be used. */
export interface RankedFrame {
  /** Its place in the list that was given. */
  readonly index: number
  readonly photo: Photo | Uint8Array
  readonly assessment: Assessment
}

/** A frame that was judged. */
export interface UsableFrame<T> {
  readonly index: number
  readonly verdict: Verdict
  readonly value: T
}

/** What became of one frame: judged, or refused for a fault of its own, such as `no-face`. */
export type JudgedFrame<T> =
  | (UsableFrame<T> & { readonly error?: undefined })
  | { readonly index: number; readonly verdict?: undefined; readonly error: DiffiqaError }

/** @throws DiffiqaError `invalid-option`: no list, an empty or too long one, or something in it that `isFrame` refuses. */
export function requireFrames(frames: unknown, isFrame: (frame: unknown) => boolean): void {
  if (!Array.isArray(frames) || frames.length === 0 || frames.length > MAX_FRAMES)
    throw invalidOption('frames', `frames must be a list of 1 to ${MAX_FRAMES} photos`)
  // Not forEach: it passes over holes.
  for (let i = 0; i < frames.length; i++)
    if (!isFrame(frames[i])) throw invalidOption(`frames[${i}]`, `frames[${i}] must be bytes (Uint8Array or Buffer)`)
}

/** Encoded bytes, or a photo that holds them. */
export function isPhoto(value: unknown): value is Photo | Uint8Array {
  return value instanceof Uint8Array || (value as Photo | null | undefined)?.bytes instanceof Uint8Array
}

/**
 * Judge frames, a few at a time, in their order. A frame that is refused for a fault of its own is an answer; a failure of the service, or an
 * abort, ends the whole call, since the frames that are left might be the bad ones.
 */
export async function judgeFrames<F, T>(
  frames: readonly F[],
  judge: (frame: F) => Promise<{ readonly verdict: Verdict; readonly value: T }>,
): Promise<JudgedFrame<T>[]> {
  const judged: JudgedFrame<T>[] = []
  let next = 0
  let failed = false
  const work = async (): Promise<void> => {
    while (next < frames.length && !failed) {
      const index = next++
      try {
        judged[index] = { index, ...(await judge(frames[index] as F)) }
      } catch (error) {
        if (!isDiffiqaError(error) || classify(error).kind !== 'refusal') {
          failed = true
          throw error
        }
        judged[index] = { index, error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, frames.length) }, work))
  return judged
}

/**
 * The frames that may be used, the best first; of equally good ones the earlier first. A frame without a score, let through by `onFailure: 'pass'` or
 * by shadow mode, comes after all others.
 * @param admitted May this frame take part?
 * @throws DiffiqaError when none is left: `quality-rejected` with what is wrong with the best one, or where no frame was even judged, the
 * first frame's refusal; details.frames has a code for each.
 */
export function usableFrames<T>(
  judged: readonly JudgedFrame<T>[],
  admitted: (frame: UsableFrame<T>) => boolean,
): UsableFrame<T>[] {
  const quality = (verdict: Verdict): number => verdict.score?.value ?? -1
  const scored = judged
    .flatMap((frame) => (frame.verdict ? [frame] : []))
    .sort((a, b) => quality(b.verdict) - quality(a.verdict) || a.index - b.index)
  const usable = scored.filter(admitted)
  if (usable.length > 0) return usable
  const frames = judged.map((frame): ErrorCode => frame.error?.code ?? 'quality-rejected')
  const first = scored[0] ? qualityRejected(scored[0].verdict, 'probe') : (judged[0]?.error as DiffiqaError)
  throw new DiffiqaError(first.code, first.message, { details: { ...first.details, frames } })
}
