import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { DiffiqaError } from '../errors.ts'
import type { Manifest, ModelName } from './manifest.ts'

/**
 * The bytes of a network, hashed before anything parses them: no gap between the check and the use.
 *
 * @param folder - the models folder, with a slash at its end
 * @throws DiffiqaError `model-missing`, `model-integrity`
 */
export async function readModelFile({ models }: Manifest, folder: URL, name: ModelName): Promise<Uint8Array> {
  const { file, sha256, bytes: size } = models[name]
  let bytes: Uint8Array
  try {
    bytes = await readFile(new URL(file, folder))
  } catch (cause) {
    throw new DiffiqaError('model-missing', `Cannot read the model file ${file} in ${folder.href}`, {
      cause,
      details: { model: name, file },
    })
  }
  const actual = createHash('sha256').update(bytes).digest('hex')
  if (bytes.length === size && actual === sha256) return bytes
  throw new DiffiqaError(
    'model-integrity',
    `The model file ${file} is not the one manifest.json names: it has ${bytes.length} bytes and SHA-256 ${actual}, ` +
      `expected are ${size} bytes and ${sha256}`,
    { details: { model: name, file } },
  )
}
