import { DiffiqaError } from '../errors.ts'

/** @param maxBytes Most bytes of the photo. */
export function payloadTooLarge(maxBytes: number): DiffiqaError {
  return new DiffiqaError('payload-too-large', `The photo may have at most ${maxBytes} bytes`, {
    details: { maxBytes },
  })
}
