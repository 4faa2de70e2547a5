import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { decode } from '../../src/face/decode.ts'
import { decodeWork } from '../../src/face/decode-work.ts'
import { withScans } from '../fixtures/jpeg-scans.ts'
import { cmykTiff } from '../fixtures/tiff.ts'

const flat = (side: number) => sharp({ create: { width: side, height: side, channels: 3, background: '#7a8081' } })
const progressive = (side: number): Promise<Buffer> => flat(side).jpeg({ progressive: true }).toBuffer()
const refused = (pixels: number, work: number) => ({
  code: 'too-many-pixels',
  details: { pixels, work, maxPixels: 3_000_000 },
})
const limit = { maxPixels: 3_000_000 }

describe('what a photo costs to decode', () => {
  test('many scans are many passes: within the pixels, over the work', async () => {
    const small = withScans(await progressive(64), 500)
    expect((await decode(small)).image.width).toBe(64)
    const bomb = withScans(await progressive(1000), 500)
    expect(bomb.length).toBeLessThan(100_000)
    await expect(decode(bomb, limit)).rejects.toMatchObject(refused(1_000_000, 501 / 20))
  })

  test('an ordinary progressive JPEG, also with a preview, counts like a plain one', async () => {
    for (const jpeg of [await flat(1000).jpeg().toBuffer(), await progressive(1000)])
      expect(decodeWork('jpeg', { depth: 'uchar', space: 'srgb' }, Buffer.concat([jpeg, jpeg]))).toBe(1)
  })

  test.each([
    ['16-bit PNG', 2, (side: number) => flat(side).toColourspace('rgb16').png().toBuffer()],
    ['CMYK JPEG', 3, (side: number) => flat(side).toColourspace('cmyk').jpeg().toBuffer()],
    ['AVIF', 2, (side: number) => flat(side).avif({ effort: 0 }).toBuffer()],
    ['12-bit AVIF', 4, (side: number) => flat(side).avif({ effort: 0, bitdepth: 12 }).toBuffer()],
  ] as const)('%s: each pixel counts %i times', async (_, work, make) => {
    await expect(decode(await make(1500), limit)).rejects.toMatchObject(refused(2_250_000, work))
    const side = Math.floor(Math.sqrt(3_000_000 / work))
    expect((await decode(await make(side), limit)).image.width).toBe(side)
    await expect(decode(await make(side + 2), limit)).rejects.toMatchObject(refused((side + 2) ** 2, work))
  })

  test('decoding is given up at the deadline', async () => {
    const deadline = performance.now() - 1
    expect((await decode(cmykTiff(128), { deadline })).image.width).toBe(128)
    await expect(decode(cmykTiff(16_000), { maxPixels: 1e9, deadline })).rejects.toMatchObject({
      code: 'deadline-exceeded',
    })
  })
})
