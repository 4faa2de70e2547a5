import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { type FileProblem, fileProblem } from './file-problem.ts'

/** A file to score, or a place that cannot be read. */
export interface Input {
  readonly path: string
  readonly problem?: FileProblem
}

/** In folders only these are tried; files that are named are tried whatever they are called. */
const EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.webp', '.tif', '.tiff', '.avif', '.heic'])

const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

/**
 * The files behind the paths, in the order given; folders are walked whole, in the order of their names' code units, which no locale
 * changes. Passed over in folders: hidden entries, other extensions, links to folders (they may lead back up).
 *
 * @param skip - a folder not to walk into: the one that crops are written to
 */
export async function* listInputs(paths: readonly string[], skip?: string): AsyncGenerator<Input, void, undefined> {
  for (const path of paths) {
    const isFolder = await stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
    if (isFolder) yield* walk(path, skip === undefined ? undefined : resolve(skip))
    else yield { path }
  }
}

async function* walk(folder: string, skip: string | undefined): AsyncGenerator<Input, void, undefined> {
  let entries: Dirent[]
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    yield { path: folder, problem: fileProblem(error) }
    return
  }
  for (const entry of entries.sort(byName)) {
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (resolve(path) !== skip) yield* walk(path, skip)
    } else if (EXTENSIONS.has(extname(entry.name).toLowerCase()) && (await mayBePhoto(entry, path))) yield { path }
  }
}

/** A broken link counts: its name promises a photo, so its absence is worth telling. */
async function mayBePhoto(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile()
  return stat(path).then(
    (stats) => stats.isFile(),
    () => true,
  )
}
