import sharp from 'sharp'
import { sampleFace } from '../fixtures/sample-faces.ts'

/** One face in a 1280×720 JPEG, as a camera would send it; different bytes for every number. */
async function photo(mark: number): Promise<Buffer> {
  const face = await sharp(await sampleFace('f'))
    .resize({ height: 600 })
    .toBuffer()
  const background = { r: 90 + (mark % 50), g: 110, b: 120 }
  return sharp({ create: { width: 1280, height: 720, channels: 3, background } })
    .composite([{ input: face, left: 400 + (mark % 7), top: 60 }])
    .jpeg({ quality: 90 })
    .toBuffer()
}
/** Forty of them. */
export const benchPhotos = (): Promise<Buffer[]> => Promise.all(Array.from({ length: 40 }, (_, i) => photo(i)))
