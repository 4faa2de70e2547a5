import { DiffiqaError } from '../errors.ts'
import { type ImageFormat, sniff } from '../face/sniff.ts'
import type { Probe } from './matcher.ts'
import { requireBytes } from './require-bytes.ts'

/** What a service takes. */
export interface PhotoLimits {
  readonly maxBytes: number
  readonly formats: readonly ImageFormat[]
}

/**
 * The uploaded bytes where the service takes them, else the face cut out of them as JPEG: phones send photos that are larger than most
 * services allow, or in other formats.
 * @throws DiffiqaError `invalid-option` for a photo that is not bytes, `payload-too-large` when even the face has too many bytes.
 */
export async function photoFor(probe: Probe, { maxBytes, formats }: PhotoLimits): Promise<Uint8Array> {
  requireBytes(probe.photo)
  const { format } = sniff(probe.photo)
  if (format && formats.includes(format) && probe.photo.byteLength <= maxBytes) return probe.photo
  const face = await probe.jpeg()
  if (face.byteLength <= maxBytes) return face
  throw new DiffiqaError('payload-too-large', `The face has more than the ${maxBytes} bytes that the matcher takes`)
}
