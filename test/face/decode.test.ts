import { crc32, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { isDiffiqaError } from '../../src/errors.ts'
import { decode } from '../../src/face/decode.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'decoded',
    (error: unknown) => (isDiffiqaError(error) ? error.code : String(error)),
  )

/** Mean absolute difference of two images of one size. */
function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length)
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0) / a.length
}

const face = await sampleFace('f')
const reference = (await decode(face)).image

describe('decode gives upright 8-bit RGB', () => {
  test.each([
    ['PNG', () => sharp(face).png().toBuffer(), 0.01],
    ['interlaced PNG', () => sharp(face).png({ progressive: true }).toBuffer(), 0.01],
    ['progressive JPEG', () => sharp(face).jpeg({ progressive: true, quality: 97 }).toBuffer(), 2],
    ['16-bit PNG', () => sharp(face).toColourspace('rgb16').png().toBuffer(), 1],
    ['PNG with alpha', () => sharp(face).ensureAlpha(1).png().toBuffer(), 0.01],
    ['WebP', () => sharp(face).webp({ quality: 95 }).toBuffer(), 4],
    ['TIFF', () => sharp(face).tiff({ compression: 'lzw' }).toBuffer(), 0.01],
    ['AVIF', () => sharp(face).avif({ quality: 85, effort: 0 }).toBuffer(), 4],
    ['CMYK JPEG', () => sharp(face).toColourspace('cmyk').jpeg({ quality: 97 }).toBuffer(), 12],
  ])('from %s', async (_, make, tolerance) => {
    const { image } = await decode(await make())
    expect([image.width, image.height]).toEqual([reference.width, reference.height])
    expect(difference(image.data, reference.data)).toBeLessThanOrEqual(tolerance)
  })

  test('from a grey photo', async () => {
    const { image } = await decode(await sharp(face).greyscale().png().toBuffer())
    expect(image.data.length).toBe(reference.data.length)
    for (let i = 0; i < 3000; i += 3) expect(new Set(image.data.subarray(i, i + 3)).size).toBe(1)
  })

  test('transparent pixels become grey, whatever colour hides in them', async () => {
    const clear = await sharp({
      create: { width: 4, height: 4, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer()
    expect([...(await decode(clear)).image.data.subarray(0, 3)]).toEqual([128, 128, 128])
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('with EXIF orientation %i applied', async (orientation) => {
    const small = sharp(face).resize(60, 84)
    const stored = await small.clone().withMetadata({ orientation }).jpeg({ quality: 98 }).toBuffer()
    const expected = await sharp(await small.clone().jpeg({ quality: 98 }).toBuffer()).toBuffer()
    const upright = await sharp(await sharp(expected).withMetadata({ orientation }).toBuffer())
      .autoOrient()
      .raw()
      .toBuffer()
    const { image } = await decode(stored)
    expect([image.width, image.height]).toEqual(orientation > 4 ? [84, 60] : [60, 84])
    expect(difference(image.data, upright)).toBeLessThan(6)
  })

  test('of an animation, the first frame', async () => {
    const frame = (colour: string) =>
      sharp({ create: { width: 16, height: 16, channels: 3, background: colour } })
        .png()
        .toBuffer()
    const animation = await sharp([await frame('#f00'), await frame('#00f')], { join: { animated: true } })
      .webp({ lossless: true, delay: [100, 100] })
      .toBuffer()
    const { image } = await decode(animation)
    expect([image.width, image.height]).toEqual([16, 16])
    expect([...image.data.subarray(0, 3)]).toEqual([255, 0, 0])
  })
})

describe('decode refuses', () => {
  test('an empty file', async () => expect(await codeOf(decode(new Uint8Array()))).toBe('empty-body'))

  test.each([30, 60, 90, 99])('a JPEG cut off at %i percent', async (share) => {
    expect(await codeOf(decode(face.subarray(0, (face.length * share) / 100)))).toBe('unreadable-image')
  })

  test('GIF and SVG, although libvips could read them', async () => {
    const gif = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#123' } })
      .gif()
      .toBuffer()
      .catch(() => Buffer.from('GIF89a'))
    expect(await codeOf(decode(gif))).toBe('unsupported-media-type')
    expect(await codeOf(decode(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')))).toBe(
      'unsupported-media-type',
    )
  })

  test('a file that only begins like a JPEG', async () => {
    expect(await codeOf(decode(Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(500, 65)])))).toBe(
      'unreadable-image',
    )
  })

  test('a PNG bomb by its header, before decoding', async () => {
    const chunk = (type: string, body: Buffer): Buffer => {
      const tagged = Buffer.concat([Buffer.from(type, 'latin1'), body])
      const frame = Buffer.alloc(8)
      frame.writeUInt32BE(body.length, 0)
      frame.writeUInt32BE(crc32(tagged) >>> 0, 4)
      return Buffer.concat([frame.subarray(0, 4), tagged, frame.subarray(4)])
    }
    const header = Buffer.alloc(13)
    header.writeUInt32BE(30_000, 0)
    header.writeUInt32BE(30_000, 4)
    header.set([8, 2, 0, 0, 0], 8)
    const bomb = Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      chunk('IHDR', header),
      chunk('IDAT', deflateSync(Buffer.alloc(90_001))),
      chunk('IEND', Buffer.alloc(0)),
    ])
    const begun = performance.now()
    expect(await codeOf(decode(bomb))).toBe('too-many-pixels')
    expect(performance.now() - begun).toBeLessThan(1000)
  })

  test('more pixels than allowed', async () => {
    expect(await codeOf(decode(face, { maxPixels: 1000 }))).toBe('too-many-pixels')
  })

  test('mutated photos with a typed error, or decodes them', async () => {
    const small = await sharp(face).resize(64).jpeg().toBuffer()
    const mutation = fc.array(
      fc.tuple(fc.integer({ min: 3, max: small.length - 1 }), fc.integer({ min: 0, max: 255 })),
      { minLength: 1, maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(mutation, async (changes) => {
        const bytes = Buffer.from(small)
        for (const [at, value] of changes) bytes[at] = value
        expect(['decoded', 'unreadable-image', 'too-many-pixels']).toContain(await codeOf(decode(bytes)))
      }),
      { numRuns: 60 },
    )
  })
})
