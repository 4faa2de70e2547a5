import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { DiffiqaError } from '../errors.ts'
import type { Knots, Manifest, ThresholdSet } from './manifest.ts'
import {
  all,
  type Check,
  fail,
  fileName,
  integer,
  list,
  map,
  number,
  oneOf,
  positive,
  record,
  sha256,
  text,
} from './manifest-check.ts'
import { modelsDir as packageModelsDir } from './models-dir.ts'

const MAX_KNOTS = 33
const LAST_TIMESTEP = 999

const share = number(0, 1)

/** A monotone map whose y pass a check. */
export function knots(y: Check): Check {
  const pair: Check = (value, path) => {
    list(number(), 2, 2)(value, path)
    y((value as number[])[1], `${path}[1]`)
  }
  return all(list(pair, 2, MAX_KNOTS), (value, path) => {
    const points = value as Knots
    for (const [index, [x, at]] of points.entries()) {
      const before = points[index - 1]
      if (before && x <= before[0]) fail(`${path}[${index}][0]`, 'above the x of the knot before', x)
      if (before && at < before[1]) fail(`${path}[${index}][1]`, 'not below the y of the knot before', at)
    }
  })
}

const model = record({
  file: fileName,
  sha256,
  bytes: integer(1),
  opset: integer(1),
  input: text,
  licence: text,
  source: text,
})

const term = record({
  feature: oneOf(
    'forward',
    'backward',
    'forward-mirror',
    'backward-mirror',
    'mirror',
    'log-norm',
    'log-norm-forward',
    'log-norm-mirror',
    'pixel-residual',
    'head',
    'head-forward',
    'head-mirror',
  ),
  timestep: integer(0, LAST_TIMESTEP),
  draws: integer(0),
  weight: number(),
})

const thresholds = all(
  record({ rejectBelow: share, acceptFrom: share, minWeight: all(share, positive) }),
  (value, path) => {
    const { rejectBelow, acceptFrom } = value as ThresholdSet
    if (acceptFrom < rejectBelow) fail(`${path}.acceptFrom`, 'not below rejectBelow', acceptFrom)
  },
)

export const purposes = record({ probe: thresholds, enrolment: thresholds })

/** r(q): above 0, at most 1, and 1 for the best. */
export const reliabilityKnots = all(knots(all(share, positive)), (value, path) => {
  const last = (value as Knots).length - 1
  if ((value as Knots)[last]?.[1] !== 1) fail(`${path}[${last}][1]`, '1', (value as Knots)[last]?.[1])
})

export const tuned = record({
  terms: list(term, 1, 64),
  bias: number(),
  steps: integer(1),
  eta: share,
  knots: knots(share),
  sigma: number(0),
})

export const combination = record({ regressor: number(), full: number(), knots: knots(share), sigma: number(0) })

export const reference = record({ 'diffiqa-r': knots(share), diffiqa: knots(share), combined: knots(share) })

const selfTest = record({ values: list(number(), 1, 8), tolerance: positive })

const manifest = record({
  modelVersion: text,
  models: record({ detector: model, embedder: model, denoiser: model, regressor: model }),
  scoring: record({
    regressor: record({ knots: knots(share), sigmaScale: positive }),
    tuned,
    paper: record({
      timestep: integer(0, LAST_TIMESTEP),
      draws: integer(1),
      steps: integer(1),
      eta: share,
      knots: knots(share),
      sigma: number(0),
    }),
    cascade: record({
      firstCut: number(),
      residualCap: number(0),
      budget: share,
      combination,
    }),
    thresholds: record({ lenient: purposes, balanced: purposes, strict: purposes }),
    downWeighting: map(record({ impostorMean: number(), knots: knots(number()) })),
    reference,
  }),
  selfTest: record({ detector: selfTest, embedder: selfTest, denoiser: selfTest, regressor: selfTest }),
  provenance: record({}),
})

/**
 * Reads and checks manifest.json.
 *
 * @param modelsDir - folder that holds it: a path or a `file:` URL (also as a string, since a URL cannot be cloned into a worker). Default: the folder that comes with the package
 * @throws DiffiqaError `model-missing` when there is no manifest, `model-incompatible` when it is not JSON or a field is wrong
 * (details.field names it)
 */
export async function loadManifest(modelsDir?: URL | string): Promise<Manifest> {
  return parseManifest(await readManifest(modelsUrl(modelsDir)))
}

/** The folder as a URL that file names can be resolved against. */
export function modelsUrl(modelsDir?: URL | string): URL {
  if (modelsDir === undefined) return packageModelsDir()
  const isUrl = modelsDir instanceof URL || modelsDir.startsWith('file:')
  const url = isUrl ? new URL(modelsDir) : pathToFileURL(modelsDir)
  return url.href.endsWith('/') ? url : new URL(`${url.href}/`)
}

function parseManifest(json: string): Manifest {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw new DiffiqaError('model-incompatible', 'manifest.json is not JSON', {
      cause,
      details: { file: 'manifest.json', field: '' },
    })
  }
  manifest(value, '')
  return value as Manifest
}

async function readManifest(folder: URL): Promise<string> {
  try {
    return await readFile(new URL('manifest.json', folder), 'utf8')
  } catch (cause) {
    throw new DiffiqaError('model-missing', `Cannot read manifest.json in ${folder.href}`, {
      cause,
      details: { file: 'manifest.json' },
    })
  }
}
