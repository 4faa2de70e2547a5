import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { MODEL_NAMES, type ModelName } from '../../src/inference/manifest.ts'
import { MODEL_CONTRACTS } from '../../src/inference/model-contract.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { manifestFor, modelsFolder, tinyModels } from './fixtures/models-folder.ts'
import { tinyOnnx } from './fixtures/tiny-onnx.ts'

const code = (name: string, details: object = {}) =>
  expect.objectContaining({ name: 'DiffiqaError', code: name, details: expect.objectContaining(details) })

/** A store whose `name` is `bytes`, rightly named by its manifest. */
async function storeWith(name: ModelName, bytes: Uint8Array): Promise<ModelStore> {
  const models = { ...tinyModels(), [name]: bytes }
  return ModelStore.open({ modelsDir: modelsFolder({ models, manifest: manifestFor(models) }) })
}

describe('a models folder', () => {
  test.each([['a path'], ['a URL'], ['the text of a URL']])('given as %s opens', async (form) => {
    const path = modelsFolder()
    const url = pathToFileURL(path)
    const store = await ModelStore.open({ modelsDir: form === 'a path' ? path : form === 'a URL' ? url : url.href })
    expect(store.manifest.modelVersion).toBe('tiny-1')
    const { embedding } = await (await store.session('regressor')).run(MODEL_CONTRACTS.regressor.selfTestFeeds())
    expect(embedding?.dims).toEqual([1, 3, 112, 112])
    await store.close()
  })

  test('passes its self-test, with every name', async () => {
    const store = await ModelStore.open({ modelsDir: modelsFolder() })
    await store.selfTest()
    await store.close()
  })
})

describe('a model file', () => {
  test.each(MODEL_NAMES)('with one bit flipped is refused (%s)', async (name) => {
    const bytes = Uint8Array.from(tinyModels()[name])
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    const store = await ModelStore.open({ modelsDir: modelsFolder({ models: { [name]: bytes } }) })
    await expect(store.session(name)).rejects.toEqual(code('model-integrity', { model: name }))
  })

  test('cut off or with a byte more is refused', async () => {
    const whole = tinyModels().embedder
    for (const bytes of [whole.subarray(0, -1), Buffer.concat([whole, Buffer.of(0)]), new Uint8Array()]) {
      const store = await ModelStore.open({ modelsDir: modelsFolder({ models: { embedder: bytes } }) })
      await expect(store.session('embedder')).rejects.toEqual(code('model-integrity', { file: 'embedder.onnx' }))
    }
  })

  test('that is missing is named, and found when it is back', async () => {
    const folder = modelsFolder({ models: { denoiser: undefined } })
    const store = await ModelStore.open({ modelsDir: folder })
    await expect(store.session('denoiser')).rejects.toEqual(
      code('model-missing', { model: 'denoiser', file: 'denoiser.onnx' }),
    )
    const { writeFileSync } = await import('node:fs')
    writeFileSync(join(folder, 'denoiser.onnx'), tinyModels().denoiser)
    expect((await store.session('denoiser')).inputs).toEqual(['x', 't'])
    await store.close()
  })

  test('that is no ONNX is refused, although the manifest names it', async () => {
    const store = await storeWith('embedder', Buffer.from('no network at all'))
    await expect(store.session('embedder')).rejects.toEqual(code('model-incompatible', { model: 'embedder' }))
  })

  test.each([
    ['another input', tinyOnnx({ image: 4 }, ['fc1', 'head']), ['data']],
    ['an input more', tinyOnnx({ data: 4, more: 1 }, ['fc1', 'head']), []],
    ['another output', tinyOnnx({ data: 4 }, ['fc2', 'head']), ['fc1']],
  ])('with %s is refused', async (_, bytes, missing) => {
    const store = await storeWith('embedder', bytes)
    await expect(store.session('embedder')).rejects.toEqual(code('model-incompatible', { model: 'embedder', missing }))
  })

  test('is read and loaded once', async () => {
    const store = await ModelStore.open({ modelsDir: modelsFolder() })
    const [first, second] = await Promise.all([store.session('detector'), store.session('detector')])
    expect(second).toBe(first)
    await store.close()
  })
})

describe('a self-test', () => {
  test('refuses a network that answers otherwise than at training', async () => {
    const models = tinyModels()
    const manifest = manifestFor(models)
    const values = manifest.selfTest.embedder.values.map((value, index) => (index === 3 ? value + 0.2 : value))
    const selfTest = { ...manifest.selfTest, embedder: { values, tolerance: 1e-4 } }
    const store = await ModelStore.open({ modelsDir: modelsFolder({ manifest: { ...manifest, selfTest } }) })
    await store.selfTest(['detector', 'denoiser', 'regressor'])
    await expect(store.selfTest()).rejects.toEqual(
      code('model-incompatible', { model: 'embedder', index: 3, expected: values[3], actual: 111 }),
    )
    await store.close()
  })

  test('refuses a network that answers with less, or with NaN', async () => {
    const manifest = manifestFor(tinyModels())
    const cut = { ...manifest, selfTest: { ...manifest.selfTest, regressor: { values: [-1], tolerance: 1e-4 } } }
    const store = await ModelStore.open({ modelsDir: modelsFolder({ manifest: cut }) })
    await store.selfTest(['regressor'])
    await store.close()
    const nan = await storeWith('regressor', tinyOnnx({ face: 4 }, MODEL_CONTRACTS.regressor.outputs, 'Sqrt'))
    await expect(nan.selfTest(['regressor'])).rejects.toEqual(code('model-incompatible', { model: 'regressor' }))
    await nan.close()
  })
})

describe('a network', () => {
  const feeds = (...numbers: number[]) => ({
    data: { data: Float32Array.from(numbers), dims: [1, 1, 1, numbers.length] },
  })

  test('answers with plain arrays and dimensions', async () => {
    const store = await ModelStore.open({ modelsDir: modelsFolder() })
    const answer = await (await store.session('embedder')).run(feeds(1, 2.5, -3))
    expect(answer.fc1).toEqual({ data: Float32Array.of(1, 2.5, -3), dims: [1, 1, 1, 3] })
    await store.close()
  })

  test.each([
    ['NaN', 'Sqrt', -1],
    ['an infinity', 'Reciprocal', 0],
  ] as const)('that answers with %s is refused', async (_, op, input) => {
    const store = await storeWith('embedder', tinyOnnx({ data: 4 }, ['fc1', 'head'], op))
    const model = await store.session('embedder')
    await expect(model.run(feeds(4, input))).rejects.toEqual(
      code('invalid-model-output', { model: 'embedder', output: 'fc1' }),
    )
    expect((await model.run(feeds(1, 1))).fc1?.data).toEqual(Float32Array.of(1, 1))
    await store.close()
  })

  test('fed with the wrong shape or name says so', async () => {
    const store = await ModelStore.open({ modelsDir: modelsFolder() })
    const model = await store.session('embedder')
    const wrong = [{ data: { data: Float32Array.of(1), dims: [1, 1] } }, { other: feeds(1).data }]
    for (const input of wrong) await expect(model.run(input)).rejects.toEqual(code('scoring-failed'))
    await store.close()
  })
})

test('a closed store gives no network', async () => {
  const store = await ModelStore.open({ modelsDir: modelsFolder() })
  await store.session('embedder')
  await store.close()
  await expect(store.session('embedder')).rejects.toEqual(code('gate-closed'))
})

test('the options are checked', async () => {
  await expect(ModelStore.open({ numThreads: 0 })).rejects.toEqual(code('invalid-option', { option: 'numThreads' }))
  await expect(ModelStore.open({ threads: 2 } as object)).rejects.toEqual(code('invalid-option', { option: 'threads' }))
})

test('the shipped detector loads and answers at any size', async () => {
  const models = { ...tinyModels(), detector: readFileSync('models/detector.onnx') }
  const store = await ModelStore.open({ modelsDir: modelsFolder({ models, manifest: manifestFor(models) }) })
  const model = await store.session('detector')
  for (const [height, width] of [
    [64, 64],
    [96, 160],
  ] as const) {
    const data = Float32Array.from({ length: 3 * height * width }, (_, k) => (k * 37) % 255)
    const answer = await model.run({ input: { data, dims: [1, 3, height, width] } })
    expect(answer.cls_8?.dims).toEqual([1, (height * width) / 64, 1])
    expect(answer.kps_32?.dims).toEqual([1, (height * width) / 1024, 10])
  }
  await store.close()
})
