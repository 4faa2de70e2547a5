import { DiffiqaError } from '../errors.ts'

/**
 * A string could be taken for a path, a URL or base64 by an SDK: only bytes go further.
 * @throws DiffiqaError `invalid-option`.
 */
export function requireBytes(photo: unknown): asserts photo is Uint8Array {
  if (photo instanceof Uint8Array) return
  const found = photo === null ? 'null' : typeof photo
  throw new DiffiqaError('invalid-option', `A photo is bytes (Uint8Array or Buffer) or an assessment, not ${found}`)
}
