import { DiffiqaError } from '../errors.ts'
import type { SubjectId } from './matcher.ts'

/** Longest subject identifier in UTF-16 units. */
const MAX_SUBJECT_LENGTH = 128

/**
 * Identifiers end in logs, file names and SDK calls of others: no empty or blank ones, none over 128 characters, no control characters, no
 * halves of surrogate pairs.
 * @throws DiffiqaError `invalid-subject`; the identifier itself is not repeated in the message.
 */
export function requireSubject(subject: unknown): asserts subject is SubjectId {
  const problem =
    typeof subject !== 'string'
      ? `is ${subject === null ? 'null' : `a ${typeof subject}`}, not a string`
      : subject.trim() === ''
        ? 'is empty'
        : subject.length > MAX_SUBJECT_LENGTH
          ? `has ${subject.length} characters; ${MAX_SUBJECT_LENGTH} are allowed`
          : /[\p{Cc}\p{Cs}]/u.test(subject)
            ? 'holds control characters'
            : undefined
  if (problem) throw new DiffiqaError('invalid-subject', `The subject identifier ${problem}`)
}
