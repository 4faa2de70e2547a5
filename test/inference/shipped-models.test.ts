import { afterAll, beforeAll, expect, test } from 'vitest'
import { MODEL_NAMES } from '../../src/inference/manifest.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { modelsDir } from '../../src/inference/models-dir.ts'

let store: ModelStore

beforeAll(async () => {
  store = await ModelStore.open()
})
afterAll(() => store.close())

test('the models folder is found from the sources', () => {
  expect(modelsDir().href).toBe(new URL('../../models/', import.meta.url).href)
})

test.each(MODEL_NAMES)('the shipped %s is the one the manifest names and computes what was trained', async (name) => {
  await store.selfTest([name])
})
