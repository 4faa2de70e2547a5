import fc from 'fast-check'
import sharp, { type Sharp } from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { align } from '../../src/face/align.ts'
import type { AlignedFace, RgbImage } from '../../src/face/types.ts'
import { measure } from '../../src/quality/measure.ts'
import type { MeasureName, Measures } from '../../src/quality/types.ts'
import { alignedFace, CROP_BYTES } from './stand-ins.ts'

const SIDE = 224
const RANGES: Readonly<Record<MeasureName, readonly [number, number]>> = {
  sharpness: [0, 1],
  'luminance-mean': [0, 1],
  'illumination-uniformity': [0, 1],
  'over-exposure': [0, 1],
  'under-exposure': [0, 1],
  'dynamic-range': [0, 8],
  'compression-artifacts': [0, 1],
  'inter-eye-distance': [0, 1e5],
  'head-pose-yaw': [-180, 180],
  'head-pose-pitch': [-180, 180],
  'head-pose-roll': [-180, 180],
  'face-margin': [0, 1],
  'alignment-residual': [0, 1e5],
  'eyes-open': [0, 1],
  'mouth-closed': [0, 1],
  'lower-face-occlusion': [0, 1],
  'upper-face-occlusion': [0, 1],
}

type Paint = (x: number, y: number, channel: number) => number

function picture(paint: Paint, side = SIDE): RgbImage {
  const data = Uint8Array.from({ length: side * side * 3 }, (_, k) =>
    Math.max(0, Math.min(255, Math.round(paint(Math.floor(k / 3) % side, Math.floor(k / 3 / side), k % 3)))),
  )
  return { width: side, height: side, data }
}

/** The photo whose crop is the photo at half size. */
const photoFace = (image: RgbImage): AlignedFace => align(image, alignedFace(new Uint8Array(CROP_BYTES)).face)
const take = (image: RgbImage): Measures => measure(image, photoFace(image))

async function edited(image: RgbImage, edit: (photo: Sharp) => Sharp): Promise<RgbImage> {
  const { width, height } = image
  const file = await edit(sharp(image.data, { raw: { width, height, channels: 3 } })).toBuffer()
  return { width, height, data: new Uint8Array(await sharp(file).raw().toBuffer()) }
}

/** Seeded grain, so that nothing is too smooth to be real. */
const grain = (k: number): number => ((Math.imul(k + 1, 2654435761) >>> 8) % 1000) / 1000

/** Something with shades and edges of several sizes, as a face has. */
const blotches = picture(
  (x, y, channel) =>
    120 +
    60 * Math.sin(x / 22) * Math.cos(y / 27) +
    30 * Math.sin(x / 5) * Math.cos(y / 7) +
    30 * Math.sin((x + 2 * y) / 3) +
    25 * (grain(Math.floor(x / 3) * 997 + Math.floor(y / 3)) - 0.5) +
    channel * 5,
)

describe('any bytes', () => {
  it('give measures within their ranges, the same twice', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 96, maxLength: 96 }),
        fc.constantFrom('tiles', 'noise', 'flat'),
        fc.record({ shift: fc.integer({ min: -150, max: 150 }), scale: fc.double({ min: 0.1, max: 3, noNaN: true }) }),
        (bytes, kind, { shift, scale }) => {
          const image = picture((x, y, c) => {
            if (kind === 'flat') return bytes[c] as number
            const index = kind === 'tiles' ? Math.floor(x / 40) + Math.floor(y / 40) * 5 : x * 31 + y * 17
            return bytes[(index * 3 + c) % 96] as number
          })
          const { face } = alignedFace(new Uint8Array(CROP_BYTES))
          const landmarks = face.landmarks.map((p) => ({ x: p.x * scale + shift, y: p.y * scale + shift }))
          const moved = align(image, { ...face, landmarks: landmarks as unknown as typeof face.landmarks })
          const measures = measure(image, moved)
          for (const [name, value] of Object.entries(measures)) {
            const [low, high] = RANGES[name as MeasureName]
            expect(value, name).toBeGreaterThanOrEqual(low)
            expect(value, name).toBeLessThanOrEqual(high)
          }
          expect(measure(image, moved)).toEqual(measures)
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe('sharpness', () => {
  it('falls with every step of blur, and a sigma of 4 on the crop is no longer sharp', async () => {
    let before = take(blotches).sharpness as number
    expect(before).toBeGreaterThan(0.32)
    for (const sigma of [1.5, 3, 5, 8]) {
      const now = take(await edited(blotches, (photo) => photo.blur(sigma).png())).sharpness as number
      expect(now).toBeLessThan(before)
      before = now
    }
    expect(before).toBeLessThan(0.2)
  })

  it('does not care about contrast and brightness', () => {
    const pale = picture((x, y, c) => 60 + 0.4 * (blotches.data[(y * SIDE + x) * 3 + c] as number))
    expect(take(pale).sharpness).toBeCloseTo(take(blotches).sharpness as number, 1)
  })

  it('is nothing for a flat colour', () => {
    expect(take(picture(() => 90)).sharpness).toBe(0)
  })
})

describe('light', () => {
  it('reads black, white and grey', () => {
    expect(take(picture(() => 0))).toMatchObject({
      'luminance-mean': 0,
      'under-exposure': expect.closeTo(1, 9),
      'over-exposure': 0,
      'dynamic-range': expect.closeTo(0, 9),
      'illumination-uniformity': expect.closeTo(1, 9),
    })
    expect(take(picture(() => 255))).toMatchObject({
      'luminance-mean': expect.closeTo(1, 9),
      'under-exposure': 0,
      'over-exposure': expect.closeTo(1, 9),
    })
    // sRGB 188 is half of the light.
    expect(take(picture(() => 188))['luminance-mean']).toBeCloseTo(0.5, 2)
  })

  it('weighs green most and blue least', () => {
    const only = (channel: number): number =>
      take(picture((_x, _y, c) => (c === channel ? 255 : 0)))['luminance-mean'] ?? 0
    expect([only(0), only(1), only(2)]).toEqual([0.2126, 0.7152, 0.0722].map((weight) => expect.closeTo(weight, 2)))
  })

  it('rises in bits with the number of greys', () => {
    const greys = (count: number): number =>
      take(picture((x) => 20 + Math.floor((x * count) / SIDE) * (220 / count)))['dynamic-range'] as number
    // One bit, and a little for the column of mixed grey where both halves meet.
    expect(greys(2)).toBeGreaterThanOrEqual(1)
    expect(greys(2)).toBeLessThan(1.2)
    expect(greys(16)).toBeGreaterThan(greys(2))
    expect(greys(64)).toBeGreaterThan(greys(16))
  })

  it('tells a face that is lit from one side', () => {
    const side = picture((x, y, c) => (blotches.data[(y * SIDE + x) * 3 + c] as number) * (x < SIDE / 2 ? 1 : 0.15))
    expect(take(side)['illumination-uniformity']).toBeLessThan(0.1)
    expect(take(blotches)['illumination-uniformity']).toBeGreaterThan(0.3)
  })
})

describe('compression', () => {
  let strong: RgbImage
  beforeAll(async () => {
    strong = await edited(blotches, (photo) => photo.jpeg({ quality: 5 }))
  })

  it('sees the blocks of a JPEG of quality 5 and not those of quality 95', async () => {
    const fine = await edited(blotches, (photo) => photo.jpeg({ quality: 95 }))
    expect(take(strong)['compression-artifacts']).toBeGreaterThan(0.45)
    expect(take(fine)['compression-artifacts']).toBeLessThan(0.3)
  })

  it('finds them wherever the photo was cut', () => {
    const cut = picture((x, y, c) => strong.data[((y + 3) * SIDE + x + 5) * 3 + c] as number, SIDE - 8)
    const inside = measure(cut, align(cut, alignedFace(new Uint8Array(CROP_BYTES)).face))
    expect(inside['compression-artifacts']).toBeGreaterThan(0.45)
  })

  it('says nothing about a face of few pixels', () => {
    const { face } = alignedFace(new Uint8Array(CROP_BYTES))
    const small = align(strong, { ...face, box: { x: 100, y: 100, width: 40, height: 44 } })
    expect(measure(strong, small)).not.toHaveProperty('compression-artifacts')
  })
})

describe('geometry', () => {
  it('passes on what the detector found', () => {
    expect(take(blotches)).toMatchObject({
      'inter-eye-distance': 70,
      'head-pose-yaw': 2,
      'head-pose-pitch': 3,
      'head-pose-roll': 0,
      'alignment-residual': photoFace(blotches).residual,
      'face-margin': 1,
    })
  })

  it("has eyes and mouth only from a caller's mesh", () => {
    expect(take(blotches)).not.toHaveProperty('eyes-open')
    const aligned = photoFace(blotches)
    const meshed = { ...aligned, face: { ...aligned.face, eyesOpen: 0.3, mouthClosed: 0.9 } }
    expect(measure(blotches, meshed)).toMatchObject({ 'eyes-open': 0.3, 'mouth-closed': 0.9 })
  })

  it('tells how much of the head is in the picture, and measures no black border', () => {
    const half = picture((x, y, c) => blotches.data[(y * SIDE + x + 112) * 3 + c] as number, 112)
    const { face } = alignedFace(new Uint8Array(CROP_BYTES))
    const landmarks = face.landmarks.map((p) => ({ x: p.x - 112, y: p.y })) as unknown as typeof face.landmarks
    const measures = measure(half, align(half, { ...face, landmarks }))
    expect(measures['face-margin']).toBeGreaterThan(0.15)
    expect(measures['face-margin']).toBeLessThan(0.5)
    expect(measures['luminance-mean']).toBeCloseTo(take(blotches)['luminance-mean'] as number, 1)
    expect(measures['under-exposure']).toBeLessThan(0.5)
  })

  it('says nothing about the light of a face that is outside the picture', () => {
    const { face } = alignedFace(new Uint8Array(CROP_BYTES))
    const landmarks = face.landmarks.map((p) => ({ x: p.x - 400, y: p.y })) as unknown as typeof face.landmarks
    const measures = measure(blotches, align(blotches, { ...face, landmarks }))
    expect(measures['face-margin']).toBe(0)
    expect(measures).not.toHaveProperty('luminance-mean')
    expect(measures).not.toHaveProperty('sharpness')
  })
})
