import sharp from 'sharp'
import { afterAll, describe, expect, test, vi } from 'vitest'
import type { GalleryMatcher } from '../../src/adapters/embedding-matcher.ts'
import { faceApi } from '../../src/adapters/face-api.ts'
import { guard } from '../../src/adapters/guard.ts'
import type { ScoreScale } from '../../src/adapters/matcher.ts'
import { onnxMatcher } from '../../src/adapters/onnx.ts'
import { isDiffiqaError } from '../../src/errors.ts'
import { createMetrics } from '../../src/metrics/create-metrics.ts'
import { realFaceApi } from '../fixtures/face-api.ts'
import { testGate } from '../fixtures/gate.ts'
import { probeOf } from '../fixtures/probes.ts'
import { SAMPLE_FACES, type SampleFace, sampleFace } from '../fixtures/sample-faces.ts'

// face-api on WASM looks at three dozen faces.
vi.setConfig({ testTimeout: 180_000 })

const gate = await testGate()
const { register } = createMetrics(gate)
afterAll(() => gate.close())

const smeared = async (name: SampleFace): Promise<Buffer> =>
  sharp(await sampleFace(name))
    .blur(8)
    .jpeg({ quality: 95 })
    .toBuffer()

/** How often this matcher's call with this outcome was counted. */
async function calls(matcher: string, operation: string, outcome: string): Promise<number> {
  const { values } = (await register.getSingleMetric('diffiqa_matcher_calls_total')?.get()) ?? { values: [] }
  return values
    .filter(({ labels }) => labels.matcher === matcher && labels.operation === operation && labels.outcome === outcome)
    .reduce((sum, { value }) => sum + value, 0)
}

const matches = (score: number, { direction, defaultThreshold }: ScoreScale): boolean =>
  direction === 'similarity' ? score >= defaultThreshold : score < defaultThreshold

/** The answer; none where the SDK itself finds no face in a smeared photo. */
const seen = <T>(call: Promise<T>): Promise<T | undefined> =>
  call.catch((error: unknown) => {
    if (isDiffiqaError(error) && error.code === 'no-face') return undefined
    throw error
  })

const adapters: Record<string, () => Promise<GalleryMatcher & { close?(): Promise<void> }>> = {
  // Its SSD MobileNet finds none of these faces, which is a gate of its own; TinyFaceDetector, the usual one in browsers, finds some.
  async 'face-api'() {
    const api = await realFaceApi()
    return faceApi(api, { detector: new api.TinyFaceDetectorOptions({ inputSize: 416, scoreThreshold: 0.1 }) })
  },
  onnx: () => onnxMatcher(),
}

describe.each(Object.entries(adapters))(
  'G07: blurred faces match everybody and poison the library of %s',
  (name, open) => {
    test('the gate keeps the smeared enrolments out, and the smeared probes from matching anybody', async () => {
      const [matcher, unguarded] = [await open(), await open()]
      for (const face of SAMPLE_FACES) {
        await matcher.enrol(face, await probeOf(await sampleFace(face)), {})
        await unguarded.enrol(face, await probeOf(await sampleFace(face)), {})
      }
      const guarded = guard(matcher, gate)
      for (const face of ['a', 'b', 'c'] as const) {
        await seen(unguarded.enrol(`smeared-${face}`, await probeOf(await smeared(face)), {}))
        await expect(guarded.enrol(`smeared-${face}`, await smeared(face))).rejects.toMatchObject({
          code: 'quality-rejected',
          status: 422,
        })
      }
      expect(matcher.gallery.size).toBe(7)
      expect(unguarded.gallery.size).toBeGreaterThan(7)
      expect(await calls(name, 'enrol', 'withheld')).toBe(3)

      let [rejected, wrong, wrongUnguarded] = [0, 0, 0]
      for (const face of ['d', 'e', 'f', 'g'] as const) {
        const photo = await smeared(face)
        const found = (await seen(unguarded.identify(await probeOf(photo), { limit: 10 }))) ?? []
        wrongUnguarded += found.filter(
          ({ subject, score }) => subject !== face && matches(score, unguarded.scale),
        ).length
        try {
          const { candidates } = await guarded.identify(photo, { limit: 10 })
          wrong += candidates.filter(({ subject, match }) => subject !== face && match).length
        } catch (error) {
          expect(error).toMatchObject({ code: 'quality-rejected' })
          rejected++
        }
      }
      // What the gate is for: without it the poisoned gallery does give wrong names.
      expect(wrongUnguarded).toBeGreaterThan(0)
      expect(wrong).toBe(0)
      expect(await calls(name, 'identify', 'withheld')).toBe(rejected)
      expect(rejected).toBeGreaterThan(0)
      await Promise.all([matcher.close?.(), unguarded.close?.()])
    })
  },
)
