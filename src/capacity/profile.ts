import { readFile } from 'node:fs/promises'
import { DiffiqaError, isDiffiqaError } from '../errors.ts'
import { all, type Check, fail, list, number, oneOf, positive, record, text } from '../inference/manifest-check.ts'
import { modelsUrl } from '../inference/manifest-file.ts'

/** Quantiles of a duration in milliseconds, evenly spaced from the shortest to the longest. */
export type Quantiles = readonly number[]

/** What one instance of the gate was measured to take; capacity.json of the models folder holds that of `npm run bench:load`. */
export interface CapacityProfile {
  readonly format: 'express-diffiqa-capacity'
  readonly version: 1
  /** Where the numbers come from. */
  readonly measured: {
    readonly date: string
    readonly machine: string
    readonly command: string
    readonly modelVersion: string
    readonly photo: string
  }
  /** Time a worker is taken by a photo's fast score: of photos it settles, and of those it does not. Nothing else runs on its core. */
  readonly certainMs: Quantiles
  readonly uncertainMs: Quantiles
  /** Time a worker is taken by full DifFIQA of one face. */
  readonly fullMs: Quantiles
  /** How many times longer work takes while every core works. */
  readonly crowding: number
  /** Work of the main thread: for a photo that is let in, and for one that is turned away. */
  readonly mainMs: { readonly photo: number; readonly shed: number }
  /** From a photo's first byte to the gate and from the verdict to the answer, over loopback. */
  readonly httpMs: number
  readonly photoBytes: number
  /** Resident: of a process without workers, and of each worker. */
  readonly memoryMb: { readonly process: number; readonly worker: number }
}

/** A profile is about two kilobytes. */
const MAX_BYTES = 1_000_000

const quantiles: Check = all(list(positive, 2, 1001), (value, path) => {
  for (const [i, ms] of (value as Quantiles).entries()) {
    const before = (value as Quantiles)[i - 1] ?? 0
    if (ms < before) fail(`${path}[${i}]`, 'not below the one before', ms)
  }
})

const profile = record({
  format: oneOf('express-diffiqa-capacity'),
  version: oneOf(1),
  measured: record({ date: text, machine: text, command: text, modelVersion: text, photo: text }),
  certainMs: quantiles,
  uncertainMs: quantiles,
  fullMs: quantiles,
  crowding: number(1, 100),
  mainMs: record({ photo: number(0), shed: number(0) }),
  httpMs: number(0),
  photoBytes: positive,
  memoryMb: record({ process: positive, worker: positive }),
})

/**
 * @param path - of the file; default: the profile that comes with the package
 * @throws DiffiqaError `invalid-capacity` (details.field names what is wrong)
 */
export async function readProfile(path?: string): Promise<CapacityProfile> {
  const value = parse(await readText(path ?? new URL('capacity.json', modelsUrl())))
  try {
    profile(value, '')
  } catch (error) {
    if (!isDiffiqaError(error)) throw error
    const message = error.message.replace('manifest.json: ', '')
    throw invalid(`The capacity profile is not usable: ${message}`, { details: { field: error.details.field } })
  }
  return value as CapacityProfile
}

async function readText(file: string | URL): Promise<string> {
  try {
    const bytes = await readFile(file)
    if (bytes.length > MAX_BYTES) throw new Error('too large')
    return bytes.toString('utf8')
  } catch (cause) {
    throw invalid('The file of the capacity profile cannot be read', { cause })
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw invalid('The file of the capacity profile is not JSON', { cause })
  }
}

function invalid(message: string, options: ConstructorParameters<typeof DiffiqaError>[2]): DiffiqaError {
  return new DiffiqaError('invalid-capacity', message, options)
}
