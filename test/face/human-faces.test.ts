import type { Human } from '@vladmandic/human'
import { beforeAll, describe, expect, test } from 'vitest'
import { isDiffiqaError } from '../../src/errors.ts'
import { decode } from '../../src/face/decode.ts'
import { fromHuman } from '../../src/face/from-human.ts'
import type { Face, RgbImage } from '../../src/face/types.ts'
import { detector } from '../fixtures/detector.ts'
import { realHuman } from '../fixtures/human.ts'
import { samplePhoto } from '../fixtures/sample-faces.ts'

let human: Human
beforeAll(async () => {
  human = await realHuman()
})

async function humanFaces(image: RgbImage): Promise<Face[]> {
  const tensor = human.tf.tensor(image.data, [image.height, image.width, 3], 'int32')
  try {
    return fromHuman(await human.detect(tensor as Parameters<Human['detect']>[0]))
  } finally {
    human.tf.dispose(tensor)
  }
}

const centre = ({ box }: Face) => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 })

describe("Human's WASM run and ours on the sample photos", () => {
  test.each([1, 2, 3, 4, 5, 6] as const)(
    'every face that Human finds in sample%i is found, frontal ones with the same points',
    async (n) => {
      const { image } = await decode(samplePhoto(n))
      const [theirs, ours] = [await humanFaces(image), await (await detector()).detect(image)]
      expect(theirs.length).toBeGreaterThan(0)
      for (const face of theirs) {
        const { x, y } = centre(face)
        const twin = ours.find(({ box }) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height)
        expect(twin, `face at ${Math.round(x)}, ${Math.round(y)}`).toBeDefined()
        // Where one eye is hidden, the mesh and YuNet guess differently.
        if (Math.max(Math.abs((twin as Face).pose.yaw), Math.abs(face.pose.yaw)) > 15) continue
        for (const point of [0, 1, 3, 4] as const) {
          const [a, b] = [face.landmarks[point], (twin as Face).landmarks[point]]
          expect(Math.hypot(a.x - b.x, a.y - b.y) / face.interEyeDistance).toBeLessThan(0.35)
        }
      }
    },
  )

  test('eyes and mouth are read from the mesh', async () => {
    const { image } = await decode(samplePhoto(3))
    for (const face of await humanFaces(image)) {
      expect(face.eyesOpen).toBeGreaterThan(0)
      expect(face.mouthClosed).toBeGreaterThanOrEqual(0)
      expect(face.mouthClosed).toBeLessThanOrEqual(1)
    }
  })
})

describe('fromHuman refuses', () => {
  const code = (run: () => unknown): unknown => {
    try {
      return run()
    } catch (error) {
      return isDiffiqaError(error) ? error.code : error
    }
  }

  test("Human's own error", () => {
    expect(code(() => fromHuman({ error: 'backend missing', face: [] }))).toBe('invalid-option')
  })

  test('a face without mesh', () => {
    expect(code(() => fromHuman({ face: [{ box: [1, 2, 3, 4], mesh: [] }] }))).toBe('invalid-option')
  })

  test('nothing, when Human found nothing', () => {
    expect(fromHuman({ face: [] })).toEqual([])
  })
})
