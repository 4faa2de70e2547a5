/** Write the sample photos as the detector sees them, for models/training/yunet_reference.py: `npx tsx test/face/write-detector-inputs.ts DIR`. */
import { join } from 'node:path'
import sharp from 'sharp'
import { decode } from '../../src/face/decode.ts'
import { resize } from '../../src/face/resize.ts'
import { samplePhoto } from '../fixtures/sample-faces.ts'

const folder = process.argv[2]
if (!folder) throw new Error('usage: write-detector-inputs.ts DIR')
for (const n of [1, 2, 3, 4, 5, 6] as const) {
  const { image } = await decode(samplePhoto(n))
  const shrink = Math.min(1, 640 / Math.max(image.width, image.height))
  const small = await resize(image, Math.round(image.width * shrink), Math.round(image.height * shrink))
  await sharp(small.data, { raw: { width: small.width, height: small.height, channels: 3 } })
    .png()
    .toFile(join(folder, `sample${n}-${image.width}x${image.height}.png`))
}
