import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import type { InferenceBackend } from '../../src/inference/backend.ts'
import { createPiscinaBackend } from '../../src/inference/piscina-backend.ts'
import { builtSources } from './fixtures/built-sources.ts'
import { manifestFor, modelsFolder, tinyModels } from './fixtures/models-folder.ts'
import { within } from './fixtures/test-backend.ts'
import { tinyOnnx } from './fixtures/tiny-onnx.ts'

let backend: InferenceBackend

afterEach(() => backend.close({ timeoutMs: 0 }))

function open(modelsDir: string): InferenceBackend {
  backend = createPiscinaBackend({
    workerUrl: new URL('./fixtures/model-worker.mjs', import.meta.url),
    workerData: { built: builtSources().href, modelsDir },
    workers: 2,
    maxQueue: 16,
    watchdogMs: 400,
  })
  return backend
}

const withDetector = () => {
  const models = { ...tinyModels(), detector: readFileSync('models/detector.onnx') }
  return modelsFolder({ models, manifest: manifestFor(models) })
}

const run = (name: string, ...numbers: number[]) =>
  backend.run<Float32Array>({ name, input: Float32Array.from(numbers) }, { kind: 'fast', deadline: within(10_000) })

test('networks answer from worker threads, also after threads with loaded networks were ended in every way', async () => {
  await open(withDetector()).whenReady()
  // onnxruntime aborts the whole process when its thread is terminated inside of it: this test then does not fail, it dies.
  for (const end of ['exit', 'hang', 'detect-for-ever', 'detect-for-ever', 'exit', 'detect-for-ever']) {
    await expect(run(end, 1)).rejects.toMatchObject({ code: 'worker-crashed' })
    const answers = await Promise.all([run('answer', 1, 2), run('answer', 3, 4), run('answer', 5, 6)])
    expect(answers.map(({ value }) => [...value])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
  }
})

test('threads that load or run a network are stopped without harm', async () => {
  const modelsDir = withDetector()
  for (const waitMs of [0, 40, 80, 120, 160, 200, 300]) {
    const opened = open(modelsDir)
    const task = run('detect-for-ever', 1)
    const refused = expect(task).rejects.toMatchObject({ code: 'shutting-down' })
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    await opened.close({ timeoutMs: 0 })
    await refused
  }
})

test('NaN from a network is the typed error of one task', async () => {
  const models = { ...tinyModels(), embedder: tinyOnnx({ data: 4 }, ['fc1', 'head'], 'Sqrt') }
  const manifest = manifestFor(models)
  const values = manifest.selfTest.embedder.values.map(Math.sqrt)
  const selfTest = { ...manifest.selfTest, embedder: { values, tolerance: 1e-4 } }
  await open(modelsFolder({ models, manifest: { ...manifest, selfTest } })).whenReady()
  await expect(run('answer', -4)).rejects.toMatchObject({
    name: 'DiffiqaError',
    code: 'invalid-model-output',
    details: { model: 'embedder', output: 'fc1' },
  })
  expect([...(await run('answer', 9)).value]).toEqual([3])
})

test.each([
  ['a flipped bit', { embedder: tinyOnnx({ data: 4 }, ['fc1', 'head'], 'Sqrt') }, 'model-integrity'],
  ['a missing file', { denoiser: undefined }, 'model-missing'],
])('%s keeps the backend from starting, by its own name', async (_, models, code) => {
  const start = performance.now()
  await expect(open(modelsFolder({ models })).whenReady()).rejects.toMatchObject({ name: 'DiffiqaError', code })
  expect(performance.now() - start).toBeLessThan(3000)
})
