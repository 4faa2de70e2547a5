import sharp from 'sharp'
import { withScans } from '../fixtures/jpeg-scans.ts'
import { cmykTiff } from '../fixtures/tiff.ts'
import { pngBomb } from '../http/pictures.ts'
import { draw } from './draw.ts'

const flat = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: '#7a8081' } })

/** Drawn faces side by side: the detector finds about a hundred, or two hundred of half the size. */
const crowd =
  (height: number): (() => Promise<Buffer>) =>
  async () => {
    const face = await draw().resize({ height }).png().toBuffer()
    return flat(640, 640)
      .composite([{ input: face, tile: true }])
      .jpeg({ quality: 95 })
      .toBuffer()
  }

/**
 * Files within the limits of size that held a worker for seconds, or made it fail, before something was done about it; and those that
 * would, were it undone. Too large to be kept, so they are made.
 */
export const KNOWN_HARM: Readonly<Record<string, () => Promise<Buffer>>> = {
  'a JPEG of 49 megapixels in 500 scans': async () =>
    withScans(await flat(7000, 7000).jpeg({ progressive: true }).toBuffer(), 500),
  'a JPEG of 49 megapixels without a face': () => flat(7000, 7000).jpeg().toBuffer(),
  'a progressive JPEG of 49 megapixels': () => flat(7000, 7000).jpeg({ progressive: true }).toBuffer(),
  'a JPEG of 65,500 × 700': () => flat(65_500, 700).jpeg().toBuffer(),
  'an interlaced PNG of 49 megapixels': () =>
    flat(7000, 7000).png({ progressive: true, compressionLevel: 1 }).toBuffer(),
  'a PNG of 900 megapixels': async () => pngBomb(30_000, 30_000),
  'a CMYK TIFF of 256 megapixels in 6 kB': async () => cmykTiff(16_000),
  'a CMYK TIFF just within the limit': async () => cmykTiff(4032),
  'an AVIF of 36 megapixels': () => flat(6000, 6000).avif({ effort: 0 }).toBuffer(),
  'an AVIF just within the limit': () => flat(4900, 4900).avif({ effort: 0 }).toBuffer(),
  'a crowd of a hundred faces': crowd(72),
  'a crowd of two hundred small faces': crowd(48),
}
