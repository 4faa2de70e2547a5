import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { align } from '../../src/face/align.ts'
import { decode } from '../../src/face/decode.ts'
import type { DetectorOptions } from '../../src/face/detector.ts'
import type { Face, Point, RgbImage } from '../../src/face/types.ts'
import { mapPoint } from '../../src/face/umeyama.ts'
import { detector } from '../fixtures/detector.ts'
import { SAMPLE_FACES, sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'
import reference from './opencv-yunet.json' with { type: 'json' }

const detect = async (bytes: Uint8Array, options: DetectorOptions = {}): Promise<Face[]> =>
  (await detector(options)).detect((await decode(bytes)).image)

const longestSide = ({ width, height }: RgbImage): number => Math.max(width, height)

describe('YuNet', () => {
  test.each([1, 2, 3, 4, 5, 6] as const)('agrees with OpenCV on sample%i within a pixel', async (n) => {
    const expected = reference[`sample${n}`]
    const found = await detect(samplePhoto(n), { refine: false })
    expect(found).toHaveLength(expected.length)
    for (const { box, points, score } of expected) {
      const twin = found.find(
        (face) => Math.hypot(face.box.x - (box[0] as number), face.box.y - (box[1] as number)) < 20,
      )
      expect(twin).toBeDefined()
      const face = twin as Face
      const ours = [face.box.x, face.box.y, face.box.width, face.box.height]
      const ourPoints = face.landmarks.flatMap(({ x, y }) => [x, y])
      for (const [i, value] of ours.entries()) expect(Math.abs(value - (box[i] as number))).toBeLessThan(1)
      for (const [i, value] of ourPoints.entries()) expect(Math.abs(value - (points[i] as number))).toBeLessThan(1)
      expect(face.confidence).toBeCloseTo(score, 2)
    }
  })

  test('levels the eyes of a head tilted by 40 degrees', async () => {
    const tilted = await sharp(await sampleFace('c'))
      .rotate(40, { background: '#808080' })
      .png()
      .toBuffer()
    const upright = (await detect(await sampleFace('c')))[0] as Face
    const plain = (await detect(tilted, { refine: false }))[0] as Face
    const better = (await detect(tilted))[0] as Face
    const error = (face: Face): number => Math.abs(face.pose.roll - upright.pose.roll - 40)
    expect(error(better)).toBeLessThan(8)
    expect(error(better)).toBeLessThan(error(plain))
  })

  test('lists the largest face first', async () => {
    const areas = (await detect(samplePhoto(5))).map((face) => face.box.width * face.box.height)
    expect(areas.length).toBeGreaterThan(3)
    expect(areas).toEqual([...areas].sort((a, b) => b - a))
  })

  test.each(SAMPLE_FACES)('finds exactly one face in fixture %s', async (name) => {
    const faces = await detect(await sampleFace(name))
    expect(faces).toHaveLength(1)
    expect(faces[0]?.confidence).toBeGreaterThan(0.85)
  })

  test('a large photo of one face needs only a small look, and the points stay where a close look puts them', async () => {
    const large = await sharp(await sampleFace('c'))
      .resize({ width: 1200 })
      .jpeg()
      .toBuffer()
    const { image } = await decode(large)
    const areas: number[] = []
    const [face] = await (await detector({}, (width, height) => areas.push(width * height))).detect(image)
    const [close] = await (await detector({ maxSide: longestSide(image) })).detect(image)
    expect(Math.max(...areas)).toBeLessThanOrEqual(320 * 320)
    const { transform } = align(image, close as Face)
    for (const [i, point] of (close as Face).landmarks.entries()) {
      const [a, b] = [mapPoint(transform, point), mapPoint(transform, (face as Face).landmarks[i] as Point)]
      expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeLessThan(3)
    }
  })

  test('several faces, or a small one, get the close look', async () => {
    const areas: number[] = []
    const watched = await detector({}, (width, height) => areas.push(width * height))
    await watched.detect((await decode(samplePhoto(5))).image)
    expect(Math.max(...areas)).toBeGreaterThan(320 * 320)
  })

  test('finds a face that fills the whole photo', async () => {
    const tight = await sharp(await sampleFace('f'))
      .extract({ left: 100, top: 190, width: 200, height: 240 })
      .png()
      .toBuffer()
    const [face] = await detect(tight)
    expect(face).toBeDefined()
    expect(face?.interEyeDistance).toBeGreaterThan(60)
  })

  test.each([
    ['grey', 640, 480],
    ['one pixel', 1, 1],
    ['a line', 2000, 1],
  ])('finds nothing in %s', async (_, width, height) => {
    const plain = await sharp({ create: { width, height, channels: 3, background: '#808080' } })
      .png()
      .toBuffer()
    expect(await detect(plain)).toEqual([])
  })

  test.each([
    ['fills the photo', (face: Sharp) => face.extract({ left: 100, top: 190, width: 200, height: 240 })],
    ['lies upside down', (face: Sharp) => face.rotate(180)],
  ])(
    'a face that %s is found in the same place of a large photo, which is looked at in a smaller copy',
    async (_, make) => {
      const small = await make(sharp(await sampleFace('f')))
        .png()
        .toBuffer()
      const { width = 0 } = await sharp(small).metadata()
      const [expected] = await detect(small)
      const [found] = await detect(
        await sharp(small)
          .resize({ width: width * 9 })
          .jpeg()
          .toBuffer(),
      )
      for (const [i, point] of (expected as Face).landmarks.entries()) {
        const there = (found as Face).landmarks[i] as Point
        const distance = Math.hypot((there.x + 0.5) / 9 - 0.5 - point.x, (there.y + 0.5) / 9 - 0.5 - point.y)
        expect(distance).toBeLessThan(4)
      }
      expect((found as Face).box.width / 9 / (expected as Face).box.width).toBeCloseTo(1, 0)
    },
  )

  test('a strip as long as a JPEG can be needs no more memory than a photo', async () => {
    const strip = await sharp({ create: { width: 65_500, height: 700, channels: 3, background: '#808080' } })
      .jpeg()
      .toBuffer()
    expect(await detect(strip)).toEqual([])
  })

  test('asks before each look whether to go on, and stops where it must not', async () => {
    const watched = await detector()
    const { image } = await decode(samplePhoto(5))
    let asked = 0
    const faces = await watched.detect(image, { checkpoint: () => asked++ })
    expect(asked).toBeGreaterThan(faces.length)
    let left = 3
    const enough = new Error('enough')
    const checkpoint = (): void => {
      if (left-- === 0) throw enough
    }
    const stopped = watched.detect(image, { checkpoint })
    await expect(stopped).rejects.toBe(enough)
  })

  test('of a crowd the largest faces alone get exact points, and nobody is lost', async () => {
    const { image } = await decode(samplePhoto(5))
    const all = await (await detector()).detect(image)
    const rough = await (await detector({ refine: false })).detect(image)
    const some = await (await detector()).detect(image, { refineAtMost: 2 })
    expect(some).toEqual([...all.slice(0, 2), ...rough.slice(2)])
    expect(all.length).toBeGreaterThan(2)
    expect(some).not.toEqual(all)
  })
})
