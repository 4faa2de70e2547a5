import sharp, { type Sharp } from 'sharp'
import { addNoise, mapTones } from '../../src/evaluation/pixel-noise.ts'
import { seededRandom } from '../../src/evaluation/seeded-random.ts'
import { decode } from '../../src/face/decode.ts'
import type { RgbImage } from '../../src/face/types.ts'
import type { Edit } from './job.ts'

/** The photo after an edit; `seed` decides the noise. */
export async function edited(image: RgbImage, edit: Edit, seed: string): Promise<RgbImage> {
  const { width, height } = image
  const open = (): Sharp => sharp(image.data, { raw: { width, height, channels: 3 } })
  const scaled = (factor: number) => raw(open().resize(Math.round(width * factor), Math.round(height * factor)))
  switch (edit) {
    case 'jpeg-95':
      return (await decode(new Uint8Array(await open().jpeg({ quality: 95 }).toBuffer()))).image
    case 'shift-left':
      return raw(open().extract({ left: 1, top: 0, width: width - 1, height }))
    case 'shift-up':
      return raw(open().extract({ left: 0, top: 1, width, height: height - 1 }))
    case 'scale-98':
      return scaled(0.98)
    case 'scale-102':
      return scaled(1.02)
    case 'mirror':
      return raw(open().flop())
    case 'sharpen':
      return raw(open().sharpen({ sigma: 1 }))
    case 'sharpen-twice':
      return raw(open().sharpen({ sigma: 2, m1: 2, m2: 4 }))
    case 'noise-5':
      return addNoise(image, { read: 5, shot: 0, grain: 1 }, seededRandom(seed))
    case 'noise-15':
      return addNoise(image, { read: 15, shot: 0, grain: 1 }, seededRandom(seed))
    case 'contrast-1.3':
      return mapTones(image, (value) => 128 + 1.3 * (value - 128))
    case 'contrast-1.6':
      return mapTones(image, (value) => 128 + 1.6 * (value - 128))
  }
}

async function raw(pipeline: Sharp): Promise<RgbImage> {
  const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }
}
