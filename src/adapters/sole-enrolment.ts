import { DiffiqaError, type ErrorCode, isDiffiqaError } from '../errors.ts'
import type { SubjectId } from './matcher.ts'

export interface SoleEnrolmentOptions {
  /** Add further photos to people who are enrolled, without asking. */
  readonly addPhotos: boolean
  exists(subject: SubjectId, signal: AbortSignal | undefined): Promise<boolean>
  /** Take back what an enrolment without a clear answer may have left. @default nothing to do */
  readonly undo?: (subject: SubjectId) => Promise<unknown>
}

/** Errors after which the service may or may not have enrolled the photo. */
const UNCLEAR: readonly ErrorCode[] = [
  'matcher-failed',
  'matcher-unreachable',
  'matcher-timeout',
  'matcher-invalid-answer',
]

/**
 * Enrolment where the service itself would take one person twice: it is asked first, and two calls of this process at once cannot both find
 * nobody. Two processes can.
 *
 * The photo of an enrolment that was aborted or got no clear answer is taken back; after an abort nobody waits for that.
 * @returns runs `enrol`; throws DiffiqaError `subject-exists`, and what `enrol` and `exists` throw.
 */
export function soleEnrolment({ addPhotos, exists, undo }: SoleEnrolmentOptions) {
  const running = new Set<SubjectId>()

  return async <T>(subject: SubjectId, signal: AbortSignal | undefined, enrol: () => Promise<T>): Promise<T> => {
    if (addPhotos) return enrol()
    if (running.has(subject)) throw new DiffiqaError('subject-exists')
    running.add(subject)
    try {
      if (await exists(subject, signal)) throw new DiffiqaError('subject-exists')
      signal?.throwIfAborted()
      return await enrol().catch(async (error: unknown) => {
        const undone = signal?.aborted || isUnclear(error) ? undo?.(subject).catch(() => {}) : undefined
        if (!signal?.aborted) await undone
        throw error
      })
    } finally {
      running.delete(subject)
    }
  }
}

/** May the photo have been enrolled nonetheless? An error that is no typed one is an SDK's own, which its adapter has not read yet. */
export const isUnclear = (error: unknown): boolean => !isDiffiqaError(error) || UNCLEAR.includes(error.code)
