import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MemoryGallery } from '../../src/adapters/gallery.ts'
import { guard } from '../../src/adapters/guard.ts'
import { type OnnxMatcher, onnxMatcher } from '../../src/adapters/onnx.ts'
import { createMetrics } from '../../src/metrics/create-metrics.ts'
import { testGate } from '../fixtures/gate.ts'
import { probeOf } from '../fixtures/probes.ts'
import { SAMPLE_FACES, type SampleFace, sampleFace } from '../fixtures/sample-faces.ts'

const gate = await testGate()
const { register } = createMetrics(gate)
let matcher: OnnxMatcher
let unguarded: OnnxMatcher

const smeared = async (name: SampleFace): Promise<Buffer> =>
  sharp(await sampleFace(name))
    .blur(8)
    .jpeg({ quality: 95 })
    .toBuffer()

/** How often a matcher's call with this outcome was counted. */
async function calls(operation: string, outcome: string): Promise<number> {
  const { values } = (await register.getSingleMetric('diffiqa_matcher_calls_total')?.get()) ?? { values: [] }
  return values
    .filter(({ labels }) => labels.operation === operation && labels.outcome === outcome)
    .reduce((sum, { value }) => sum + value, 0)
}

beforeAll(async () => {
  matcher = await onnxMatcher({ gallery: new MemoryGallery() })
  unguarded = await onnxMatcher({ gallery: new MemoryGallery() })
  for (const name of SAMPLE_FACES) {
    await matcher.enrol(name, await probeOf(await sampleFace(name)), {})
    await unguarded.enrol(name, await probeOf(await sampleFace(name)), {})
  }
})

afterAll(async () => {
  await Promise.all([gate.close(), matcher.close(), unguarded.close()])
})

describe('G07: blurred faces match everybody and poison the library', () => {
  test('the gate keeps the smeared enrolments out, and the smeared probes from matching anybody', async () => {
    const guarded = guard(matcher, gate)
    for (const name of ['a', 'b', 'c'] as const) {
      await unguarded.enrol(`smeared-${name}`, await probeOf(await smeared(name)), {})
      await expect(guarded.enrol(`smeared-${name}`, await smeared(name))).rejects.toMatchObject({
        code: 'quality-rejected',
        status: 422,
      })
    }
    expect([matcher.gallery.size, unguarded.gallery.size]).toEqual([7, 10])
    expect(await calls('enrol', 'withheld')).toBe(3)

    let [rejected, wrong, wrongUnguarded] = [0, 0, 0]
    for (const name of ['d', 'e', 'f', 'g'] as const) {
      const photo = await smeared(name)
      const open = await unguarded.identify(await probeOf(photo), { limit: 10 })
      wrongUnguarded += open.filter(
        ({ subject, score }) => subject !== name && score >= unguarded.scale.defaultThreshold,
      ).length
      try {
        const { candidates } = await guarded.identify(photo, { limit: 10 })
        wrong += candidates.filter(({ subject, match }) => subject !== name && match).length
      } catch (error) {
        expect(error).toMatchObject({ code: 'quality-rejected' })
        rejected++
      }
    }
    // What the gate is for: without it the poisoned gallery does give wrong names.
    expect(wrongUnguarded).toBeGreaterThan(0)
    expect(wrong).toBe(0)
    expect(await calls('identify', 'withheld')).toBe(rejected)
    expect(rejected).toBeGreaterThan(0)
  })
})
