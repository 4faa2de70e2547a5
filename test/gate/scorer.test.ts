import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDetector, type Detector } from '../../src/face/detector.ts'
import { GateCore } from '../../src/gate/gate-core.ts'
import { resolveOptions } from '../../src/gate/options.ts'
import { createTaskHandler, type ScorerParts } from '../../src/gate/scorer.ts'
import { type AssessAnswer, type AssessInput, type CropAnswer, TASKS } from '../../src/gate/worker-tasks.ts'
import { createInProcessBackend } from '../../src/inference/in-process-backend.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import type { TensorModel } from '../../src/inference/tensor-model.ts'
import { createDiffiqa } from '../../src/quality/diffiqa.ts'
import { createRegressor } from '../../src/quality/diffiqa-r.ts'
import { sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'
import { analyticDenoiser, analyticEmbedder, countingModel, testManifest } from '../quality/stand-ins.ts'

const context = { deadline: Number.POSITIVE_INFINITY, cancelled: () => false }
const warmUp = { loadMs: { detector: 1, embedder: 1, denoiser: 1, regressor: 1 }, fullMs: 1 }
let store: ModelStore
let detector: Detector

beforeAll(async () => {
  store = await ModelStore.open()
  detector = createDetector(await store.session('detector'))
})
afterAll(() => store.close())

/** A regressor that gives each crop this mean; the embedding and sigma do not matter here. */
const regressorOf = (mean: number): TensorModel & { readonly calls: number[] } =>
  countingModel(({ face }) => {
    const count = face?.dims[0] as number
    return {
      mean: { data: new Float32Array(count).fill(mean), dims: [count] },
      log_variance: { data: new Float32Array(count).fill(-2), dims: [count] },
      embedding: { data: new Float32Array(count * 128).fill(1), dims: [count, 128] },
    }
  })

function parts(changes: { mean?: number; detector?: Detector; embedder?: TensorModel } = {}) {
  const manifest = testManifest({
    tuned: {
      terms: [{ feature: 'forward', timestep: 20, draws: 1, weight: 1 }],
      bias: 0,
      steps: 1,
      eta: 0,
      knots: [
        [-10, 0],
        [10, 1],
      ],
      sigma: 0.5,
    },
  })
  const model = regressorOf(changes.mean ?? 5)
  const networks = { embedder: changes.embedder ?? analyticEmbedder(), denoiser: analyticDenoiser() }
  const made: ScorerParts = {
    detector: changes.detector ?? detector,
    regressor: createRegressor(model, manifest),
    diffiqa: createDiffiqa({ ...networks, manifest }),
    warmUp,
  }
  return { handle: createTaskHandler(made), model, manifest }
}

const input = (bytes: Uint8Array, changes: Partial<AssessInput> = {}): AssessInput => ({
  bytes,
  maxPixels: 50_000_000,
  minInterEye: 13,
  selection: 'one',
  detected: undefined,
  ...changes,
})

const assess = async (handle: ReturnType<typeof createTaskHandler>, given: AssessInput) =>
  (await handle({ name: TASKS.assess, input: given }, context)).value as AssessAnswer

describe('the tasks of a worker', () => {
  test('assess: all faces of a photo in one batch of the regressor, crops given away', async () => {
    const { handle, model } = parts()
    const { value, transfer } = await handle(
      { name: TASKS.assess, input: input(samplePhoto(5), { selection: 'all' }) },
      context,
    )
    const { photo, faces, scored, stages } = value as AssessAnswer
    expect(photo).toEqual({ width: expect.any(Number), height: expect.any(Number), format: 'jpeg' })
    expect(scored.length).toBeGreaterThanOrEqual(4)
    expect(model.calls).toEqual([scored.length])
    expect(transfer).toHaveLength(scored.length)
    expect(new Set(transfer).size).toBe(scored.length)
    for (const { aligned, measures } of scored) {
      expect(aligned.pixels).toHaveLength(112 * 112 * 3)
      expect(faces).toContain(aligned.face)
      expect(measures['inter-eye-distance']).toBeGreaterThan(13)
    }
    for (const ms of Object.values(stages)) expect(ms).toBeGreaterThan(0)
  })

  test('assess: nothing but numbers of a face leaves a worker, and no embedding among them', async () => {
    const { handle } = parts()
    const { scored } = await assess(handle, input(await sampleFace('c')))
    const lengths = (value: unknown): number[] =>
      ArrayBuffer.isView(value)
        ? [value.byteLength]
        : value !== null && typeof value === 'object'
          ? Object.values(value).flatMap(lengths)
          : []
    const [face] = scored
    expect(lengths({ ...face, aligned: { ...face?.aligned, pixels: undefined } })).toEqual([])
    expect(Object.keys(face?.fast ?? {})).not.toContain('embedding')
  })

  test('assess: faces found by the caller are taken as they are, largest first, without detection', async () => {
    const given = await assess(parts().handle, input(samplePhoto(5), { selection: 'all' }))
    const blind = parts({ detector: { detect: () => Promise.reject(new Error('not asked')) } })
    const detected = given.faces.toReversed()
    const again = await assess(blind.handle, input(samplePhoto(5), { selection: 'all', detected }))
    expect(again.faces).toEqual(given.faces)
    expect(again.scored).toEqual(given.scored)
    expect(again.stages.detectMs).toBe(0)
    await expect(assess(blind.handle, input(samplePhoto(5), { detected: [] }))).rejects.toMatchObject({
      code: 'no-face',
    })
  })

  test('crop: the same pixels as the first time', async () => {
    const { handle } = parts()
    const bytes = await sampleFace('c')
    const { scored } = await assess(handle, input(bytes))
    const faces = scored.map(({ aligned }) => aligned.face)
    const { value } = await handle({ name: TASKS.crop, input: { bytes, maxPixels: 50_000_000, faces } }, context)
    expect((value as CropAnswer)[0]).toEqual(scored[0]?.aligned)
  })

  test('a task that nobody waits for stops between its steps', async () => {
    const { handle, model } = parts()
    const bytes = await sampleFace('c')
    const cancelled = { ...context, cancelled: () => true }
    await expect(handle({ name: TASKS.assess, input: input(bytes) }, cancelled)).rejects.toMatchObject({
      code: 'aborted',
    })
    expect(model.calls).toEqual([])
    const [face] = (await assess(handle, input(bytes))).scored
    await expect(handle({ name: TASKS.full, input: { aligned: face?.aligned } }, cancelled)).rejects.toMatchObject({
      code: 'aborted',
    })
  })

  test('warm-up tells what the start took; an unknown task is refused', async () => {
    const { handle } = parts()
    expect((await handle({ name: TASKS.warmUp, input: undefined }, context)).value).toEqual(warmUp)
    await expect(handle({ name: 'dance', input: undefined }, context)).rejects.toMatchObject({ code: 'scoring-failed' })
  })
})

describe('a model that answers nonsense', () => {
  const gateOf = ({ handle, manifest }: ReturnType<typeof parts>): GateCore =>
    new GateCore({
      options: resolveOptions({ deadlineMs: 20_000, inference: 'in-process' }, 1),
      manifest,
      backend: createInProcessBackend({ handler: handle }),
      warmUp,
    })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%f from the regressor is a typed error', async (mean) => {
    await using gate = gateOf(parts({ mean }))
    await expect(gate.assess(await sampleFace('c'))).rejects.toMatchObject({
      name: 'DiffiqaError',
      code: 'invalid-model-output',
      status: 500,
    })
  })

  test('NaN from the second look leaves the fast score standing', async () => {
    const embedder = countingModel(({ data }) => {
      const count = data?.dims[0] as number
      return {
        fc1: { data: new Float32Array(count * 128).fill(Number.NaN), dims: [count, 128] },
        head: { data: new Float32Array(count), dims: [count, 1] },
      }
    })
    await using gate = gateOf(parts({ embedder }))
    const { verdict } = await gate.assess(await sampleFace('c'), { full: true })
    expect(verdict).toMatchObject({ escalation: 'failed', full: undefined, degraded: false })
    expect(['invalid-model-output', 'scoring-failed']).toContain(verdict.failure)
    expect(verdict.score).toEqual(verdict.fast)
  })
})
