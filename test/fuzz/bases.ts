import sharp from 'sharp'
import type { ImageFormat } from '../../src/face/sniff.ts'
import { draw } from './draw.ts'

export interface Base {
  readonly name: string
  readonly format: ImageFormat
  readonly bytes: Buffer
}

const EXIF = {
  IFD0: { Make: 'maker', Model: 'model', Software: 'x'.repeat(40), Copyright: 'somebody' },
  IFD2: { ExposureTime: '1/60', ISOSpeedRatings: '100', UserComment: 'y'.repeat(60) },
  IFD3: { GPSLatitude: '1/1 2/1 3/1' },
}

const described = () => draw().withExif(EXIF).withIccProfile('p3')

async function animation(): Promise<Buffer> {
  const frames = [await draw().png().toBuffer(), await draw().negate().png().toBuffer()]
  return sharp(frames, { join: { animated: true } })
    .webp({ delay: [50, 50] })
    .toBuffer()
}

const MAKERS: readonly (readonly [string, ImageFormat, () => Promise<Buffer>])[] = [
  ['jpeg', 'jpeg', () => draw().jpeg({ quality: 80 }).toBuffer()],
  ['jpeg-described', 'jpeg', () => described().withMetadata({ orientation: 6 }).jpeg({ quality: 60 }).toBuffer()],
  ['jpeg-progressive', 'jpeg', () => draw().jpeg({ progressive: true, quality: 70 }).toBuffer()],
  ['jpeg-grey', 'jpeg', () => draw().greyscale().jpeg().toBuffer()],
  ['jpeg-cmyk', 'jpeg', () => draw().toColourspace('cmyk').jpeg().toBuffer()],
  ['png', 'png', () => draw().png().toBuffer()],
  ['png-described', 'png', () => described().png({ compressionLevel: 9 }).toBuffer()],
  ['png-interlaced', 'png', () => draw().png({ progressive: true }).toBuffer()],
  ['png-16', 'png', () => draw().toColourspace('rgb16').png().toBuffer()],
  ['png-palette', 'png', () => draw().png({ palette: true, colours: 16 }).toBuffer()],
  ['png-alpha', 'png', () => draw().ensureAlpha(0.5).png({ progressive: true }).toBuffer()],
  ['webp', 'webp', () => draw().webp().toBuffer()],
  ['webp-described', 'webp', () => described().webp().toBuffer()],
  ['webp-lossless', 'webp', () => draw().ensureAlpha(0.5).webp({ lossless: true }).toBuffer()],
  ['webp-alpha', 'webp', () => draw().ensureAlpha(0.5).webp().toBuffer()],
  ['webp-animated', 'webp', animation],
  ['tiff', 'tiff', () => draw().tiff({ compression: 'lzw' }).toBuffer()],
  [
    'tiff-tiled',
    'tiff',
    () => draw().tiff({ compression: 'jpeg', tile: true, tileWidth: 32, tileHeight: 32 }).toBuffer(),
  ],
  ['tiff-pyramid', 'tiff', () => described().tiff({ compression: 'deflate', tile: true, pyramid: true }).toBuffer()],
  ['avif', 'avif', () => draw().avif({ effort: 0 }).toBuffer()],
  ['avif-described', 'avif', () => described().ensureAlpha(0.5).avif({ effort: 0, bitdepth: 10 }).toBuffer()],
]

/** Every kind of file that is decoded, small, drawn. */
export function makeBases(): Promise<Base[]> {
  return Promise.all(MAKERS.map(async ([name, format, make]) => ({ name, format, bytes: await make() })))
}
