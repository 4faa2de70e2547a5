import { existsSync } from 'node:fs'
import { DiffiqaError } from '../errors.ts'

/** Seen from a file of the flat dist/ folder, and from this source file. */
const CANDIDATES = ['../models/', '../../models/']

/**
 * The models folder of this package.
 *
 * @throws DiffiqaError `model-missing` when neither place holds a manifest.json, as after bundling
 */
export function modelsDir(): URL {
  const places = CANDIDATES.map((path) => new URL(path, import.meta.url))
  const found = places.find((place) => existsSync(new URL('manifest.json', place)))
  if (found) return found
  throw new DiffiqaError(
    'model-missing',
    `No manifest.json in ${places.map(String).join(' or ')}. If your application is bundled, leave express-diffiqa out of the ` +
      'bundle or copy its models folder and give its place in the option modelsDir.',
    { details: { file: 'manifest.json' } },
  )
}
