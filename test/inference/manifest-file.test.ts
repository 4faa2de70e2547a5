import { describe, expect, test } from 'vitest'
import type { Manifest } from '../../src/inference/manifest.ts'
import { loadManifest } from '../../src/inference/manifest-file.ts'
import { manifestFor, modelsFolder, tinyModels } from './fixtures/models-folder.ts'
import { temporaryFolder } from './fixtures/temporary-folder.ts'

const good = manifestFor(tinyModels())

/** A deep copy with the value at `path` replaced; undefined leaves the field out. */
function changed(path: string, value: unknown): Manifest {
  // Not structuredClone(): it keeps shared parts shared, and the change would show in several places.
  const copy = JSON.parse(JSON.stringify(good))
  const keys = path.split('/')
  const last = keys.pop() as string
  let at: Record<string, unknown> = copy
  for (const key of keys) at = at[key] as Record<string, unknown>
  at[last] = value
  return copy
}

test('a right manifest is read as it is, with fields of later versions', async () => {
  expect(await loadManifest(modelsFolder({ manifest: { ...good, later: 1 } }))).toEqual({ ...good, later: 1 })
})

test('a missing manifest is named', async () => {
  await expect(loadManifest(temporaryFolder())).rejects.toMatchObject({
    code: 'model-missing',
    details: { file: 'manifest.json' },
  })
})

test.each(['', '{"modelVersion":', '[]', 'null', '7'])('what is no JSON object is refused: %j', async (manifest) => {
  const folder = modelsFolder({ manifest: manifest === '' ? ' ' : manifest })
  await expect(loadManifest(folder)).rejects.toMatchObject({ code: 'model-incompatible', details: { field: '' } })
})

describe('a wrong field is refused by name', () => {
  const knots = [
    [0, 0],
    [1, 1],
  ]
  test.each<[path: string, value: unknown, field?: string]>([
    ['modelVersion', undefined],
    ['modelVersion', ''],
    ['models/denoiser', undefined],
    ['models/embedder/file', '../embedder.onnx'],
    ['models/embedder/file', '/etc/passwd'],
    ['models/embedder/file', 'sub\\embedder.onnx'],
    ['models/embedder/file', '..'],
    ['models/embedder/sha256', 'ABC'],
    ['models/embedder/bytes', 0],
    ['models/embedder/bytes', '12'],
    ['models/embedder/opset', 1.5],
    ['models/embedder/licence', 3],
    ['scoring/regressor/sigmaScale', 0],
    ['scoring/regressor/knots', [[0, 0]]],
    ['scoring/regressor/knots', Array.from({ length: 34 }, (_, i) => [i, i / 34])],
    ['scoring/regressor/knots/1', [0.5]],
    ['scoring/regressor/knots/1', [-1, 0.5], 'scoring.regressor.knots[1][0]'],
    ['scoring/regressor/knots/1/1', -0.5],
    ['scoring/regressor/knots/2/1', 1.5],
    ['scoring/regressor/knots/2/1', 0.4],
    ['scoring/tuned/terms', []],
    ['scoring/tuned/terms/0/feature', 'sideways'],
    ['scoring/tuned/terms/0/timestep', 1000],
    ['scoring/tuned/terms/0/weight', null],
    ['scoring/tuned/steps', 0],
    ['scoring/tuned/eta', 1.1],
    ['scoring/tuned/sigma', -1],
    ['scoring/paper/draws', 0],
    ['scoring/cascade/budget', 2],
    ['scoring/cascade/combination/knots', knots.concat([[1, 1]]), 'scoring.cascade.combination.knots[2][0]'],
    ['scoring/thresholds/strict/enrolment', undefined],
    ['scoring/thresholds/strict/probe/acceptFrom', 0.1],
    ['scoring/thresholds/lenient/probe/minWeight', 0],
    ['scoring/downWeighting/human/impostorMean', '0.4'],
    ['scoring/downWeighting', []],
    ['scoring/reference/combined', undefined],
    ['selfTest/detector/values', []],
    ['selfTest/detector/values/0', 'x'],
    ['selfTest/detector/tolerance', 0],
    ['provenance', undefined],
  ])('%s: %j', async (path, value, field) => {
    const named = field ?? path.replaceAll(/\/(\d+)/g, '[$1]').replaceAll('/', '.')
    const rejected = expect(loadManifest(modelsFolder({ manifest: changed(path, value) }))).rejects
    await rejected.toMatchObject({
      code: 'model-incompatible',
      details: { file: 'manifest.json', field: named },
      message: expect.stringContaining(named),
    })
  })
})
