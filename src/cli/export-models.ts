import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadManifest, modelsUrl } from '../inference/manifest-file.ts'
import { readModelFile } from '../inference/model-file.ts'
import { REMOTE_MODEL_NAMES } from '../inference/remote/remote-models.ts'
import { EXIT } from './exit-codes.ts'
import { exportPlan } from './export-files.ts'
import { exportHelp, parseExportOptions } from './export-options.ts'
import { Output } from './output.ts'
import { printable } from './printable.ts'
import { UsageError } from './usage-error.ts'

/**
 * `express-diffiqa export-models`.
 * @returns the exit code
 * @throws UsageError; DiffiqaError `model-missing`, `model-integrity`, `model-incompatible`; errors of the file system
 */
export async function exportModels(args: readonly string[]): Promise<number> {
  const options = parseExportOptions(args)
  const output = new Output(process.stdout)
  if (!options) {
    await output.write(exportHelp())
    return EXIT.ok
  }
  const { server, out, modelsDir } = options
  const folder = modelsUrl(modelsDir)
  const manifest = await loadManifest(folder)
  const { models, texts } = exportPlan(server, manifest.modelVersion)
  // All are read and hashed before the first is written.
  const files: [string, string | Uint8Array][] = Object.entries(texts)
  for (const name of REMOTE_MODEL_NAMES) files.push([models[name], await readModelFile(manifest, folder, name)])
  await requireEmpty(out)
  for (const [path, content] of files.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const file = join(out, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content, { flag: 'wx' })
    await output.write(`${printable(file)}\n`)
  }
  await output.flush()
  return EXIT.ok
}

/** Models of another version left beside these would be loaded as well. */
async function requireEmpty(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0) throw new UsageError(`the folder ${folder} is not empty`)
}
