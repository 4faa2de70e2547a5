import sharp from 'sharp'
import { DiffiqaError } from '../errors.ts'
import { setUpDecoderOnce } from '../inference/decoder-setup.ts'
import { decodeWork } from './decode-work.ts'
import { type ImageFormat, sniff } from './sniff.ts'
import type { RgbImage } from './types.ts'

/** Default of {@link DecodeOptions.maxPixels}. */
export const DEFAULT_MAX_PIXELS = 50_000_000

export interface DecodeOptions {
  /**
   * Width × height above which a photo is refused, read from its header before any pixel is decoded. Pixels that take longer to decode than
   * those of a plain JPEG count more than once. @default 50,000,000
   */
  readonly maxPixels?: number
  /** Instant of `performance.now()` at which decoding is given up, to the second above. @default never */
  readonly deadline?: number
}

export interface DecodedPhoto {
  readonly image: RgbImage
  readonly format: ImageFormat
}

/**
 * libvips loads whatever a file claims to be, among them formats with a history of faults; only photo formats stay open.
 * The block holds for the whole process, all its threads and their own use of sharp included.
 */
function harden(): void {
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: [
      'VipsForeignLoadJpeg',
      'VipsForeignLoadPng',
      'VipsForeignLoadWebp',
      'VipsForeignLoadTiff',
      'VipsForeignLoadHeif',
    ],
  })
  sharp.cache(false)
  sharp.concurrency(1)
}

/** Refuse by content before anything reads the file. */
function requireSupported(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0) throw new DiffiqaError('empty-body', 'The photo has no bytes')
  const { format, name } = sniff(bytes)
  if (format) return format
  throw new DiffiqaError(
    'unsupported-media-type',
    `The content is ${name === 'unknown content' ? 'no known image format' : name}; send JPEG, PNG, WebP, TIFF or AVIF${name === 'HEIC' ? ' (convert HEIC to JPEG first)' : ''}`,
    { details: { found: name, supported: ['jpeg', 'png', 'webp', 'tiff', 'avif'] } },
  )
}

function failure(format: ImageFormat, cause: unknown): DiffiqaError {
  const message = cause instanceof Error ? cause.message : ''
  if (message.startsWith('timeout:')) return new DiffiqaError('deadline-exceeded', undefined, { cause })
  if (/pixel limit|exceeds/i.test(message)) return new DiffiqaError('too-many-pixels', undefined, { cause })
  return new DiffiqaError('unreadable-image', `The ${format.toUpperCase()} image is damaged or cut off`, {
    cause,
    details: { format },
  })
}

/**
 * Decode one photo to upright 8-bit RGB: EXIF orientation applied, first page or frame only, CMYK, grey, 16-bit and
 * alpha (over mid grey) turned into sRGB. Full-size decoding on purpose: JPEG shrink-on-load changes the pixels that
 * are scored.
 * @throws DiffiqaError `empty-body`, `unsupported-media-type`, `too-many-pixels`, `unreadable-image`, `deadline-exceeded`.
 */
export async function decode(bytes: Uint8Array, options: DecodeOptions = {}): Promise<DecodedPhoto> {
  setUpDecoderOnce(harden)
  const format = requireSupported(bytes)
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS
  // 'error' takes the odd scan parameters of honest phone JPEGs and still refuses every cut-off file.
  const input = { failOn: 'error', pages: 1, limitInputPixels: maxPixels, sequentialRead: true } as const
  const seconds = secondsLeft(options.deadline)
  try {
    const header = await sharp(bytes, input).metadata()
    const pixels = header.width * (header.pageHeight ?? header.height)
    const work = decodeWork(format, header, bytes)
    if (pixels * work > maxPixels) throw tooManyPixels(pixels, work, maxPixels)
    const pipeline = sharp(bytes, { ...input, autoOrient: true })
      .toColourspace('srgb')
      .timeout({ seconds })
    if (header.hasAlpha) pipeline.flatten({ background: { r: 128, g: 128, b: 128 } })
    const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
    return { image: { width: info.width, height: info.height, data: toRgb(data, info.channels) }, format }
  } catch (cause) {
    throw cause instanceof DiffiqaError ? cause : failure(format, cause)
  }
}

function tooManyPixels(pixels: number, work: number, maxPixels: number): DiffiqaError {
  const counted = work === 1 ? '' : `, which take as long to decode as ${Math.round(pixels * work)} of a plain JPEG`
  return new DiffiqaError('too-many-pixels', `The photo has ${pixels} pixels${counted}; ${maxPixels} are allowed`, {
    details: { pixels, work, maxPixels },
  })
}

const MAX_SECONDS = 3600

/** libvips counts in whole seconds; 0 is never. */
function secondsLeft(deadline: number | undefined): number {
  if (deadline === undefined) return 0
  return Math.min(MAX_SECONDS, Math.max(1, Math.ceil((deadline - performance.now()) / 1000)))
}

function toRgb(data: Buffer, channels: number): Uint8Array {
  if (channels === 3) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const pixels = data.byteLength / channels
  const rgb = new Uint8Array(pixels * 3)
  for (let i = 0; i < pixels; i++) {
    const source = i * channels
    const grey = channels < 3
    rgb[i * 3] = data[source] as number
    rgb[i * 3 + 1] = data[grey ? source : source + 1] as number
    rgb[i * 3 + 2] = data[grey ? source : source + 2] as number
  }
  return rgb
}
