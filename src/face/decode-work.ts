import type { Metadata } from 'sharp'
import type { ImageFormat } from './sniff.ts'

/** A progressive JPEG has about ten; each is a pass over all pixels. */
const FREE_SCANS = 20
const START_OF_SCAN = Buffer.from([0xff, 0xda])

/** Scans of a JPEG and of its previews: at most a few more than are decoded. */
function countScans(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let scans = 0
  for (let at = buffer.indexOf(START_OF_SCAN); at >= 0; at = buffer.indexOf(START_OF_SCAN, at + 2)) scans++
  return scans
}

/**
 * How many times as long as a plain JPEG of its size a photo may take to decode, at least 1. Without it a JPEG of 180 kB in 500 scans holds a
 * worker for many seconds, since the decoder cannot be stopped in the middle. Measured on 49 megapixels, rounded.
 */
export function decodeWork(
  format: ImageFormat,
  { depth, space }: Pick<Metadata, 'depth' | 'space'>,
  bytes: Uint8Array,
): number {
  const deep = depth !== 'uchar'
  if (format === 'avif') return deep ? 4 : 2
  const scans = format === 'jpeg' ? Math.max(1, countScans(bytes) / FREE_SCANS) : 1
  // Converted by profile, pixel by pixel.
  const colours = space === 'cmyk' ? 3 : 1
  return Math.max(scans, colours, deep ? 2 : 1)
}
