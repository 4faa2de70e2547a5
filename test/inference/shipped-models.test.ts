import { afterAll, beforeAll, expect, test } from 'vitest'
import { MODEL_NAMES } from '../../src/inference/manifest.ts'
import { MODEL_CONTRACTS } from '../../src/inference/model-contract.ts'
import { ModelStore } from '../../src/inference/model-store.ts'

let store: ModelStore

beforeAll(async () => {
  store = await ModelStore.open()
})
afterAll(() => store.close())

test.each(MODEL_NAMES)('the shipped %s is the one the manifest names and computes what was trained', async (name) => {
  await store.selfTest([name])
  const model = await store.session(name)
  expect(model.inputs).toEqual(MODEL_CONTRACTS[name].inputs)
})
