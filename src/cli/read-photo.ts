import { createReadStream } from 'node:fs'
import { DiffiqaError } from '../errors.ts'

/** Encoded photos are never this large; a disk image or an endless device must not fill the memory. */
const MAX_FILE_BYTES = 256 * 2 ** 20

/**
 * The bytes of a file, pipe or device.
 * @throws DiffiqaError `payload-too-large`; or the error of the file system
 */
export async function readPhoto(
  path: string,
  { maxBytes = MAX_FILE_BYTES, signal }: { readonly maxBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  return gatherBytes(createReadStream(path, { highWaterMark: 2 ** 20, ...(signal && { signal }) }), maxBytes)
}

/**
 * All that a stream gives.
 * @throws DiffiqaError `payload-too-large`; or the error of the stream
 */
export async function gatherBytes(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number = MAX_FILE_BYTES,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxBytes)
      throw new DiffiqaError('payload-too-large', `The file has more than ${maxBytes} bytes`, { details: { maxBytes } })
  }
  return Buffer.concat(chunks, length)
}
