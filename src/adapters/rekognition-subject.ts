import { DiffiqaError } from '../errors.ts'
import { requireSubject } from './subject.ts'

/** Rekognition's own limit of ExternalImageId. */
const MAX_LENGTH = 255

/** ExternalImageId allows colons too; a leading one marks an encoded identifier. */
const PLAIN = /^[\w.-][\w.:-]*$/

/**
 * Plain identifiers stay as they are, so that collections filled by others work; any other is written as `:` and base64url.
 * @throws DiffiqaError `invalid-subject`, also when the encoded form is longer than Rekognition allows.
 */
export function encodeSubject(subject: string): string {
  requireSubject(subject)
  const id = PLAIN.test(subject) ? subject : `:${Buffer.from(subject, 'utf8').toString('base64url')}`
  if (id.length <= MAX_LENGTH) return id
  throw new DiffiqaError('invalid-subject', 'The subject identifier is too long for Rekognition once encoded')
}

/** The inverse of {@link encodeSubject}; identifiers that it did not make come back unchanged. */
export function decodeSubject(id: string): string {
  if (!id.startsWith(':')) return id
  const subject = Buffer.from(id.slice(1), 'base64url').toString('utf8')
  const made = `:${Buffer.from(subject, 'utf8').toString('base64url')}`
  return made === id && subject !== '' && !PLAIN.test(subject) ? subject : id
}
