import { stat } from 'node:fs/promises'
import { dirname, parse, relative, resolve, sep } from 'node:path'
import { readColumns } from '../evaluation/table-file.ts'
import { type AuditPhoto, keyOf } from './audit-record.ts'
import { listInputs } from './inputs.ts'
import { UsageError } from './usage-error.ts'

/**
 * The photos of the paths. In a folder, the first folder below it is the person, and a photo that lies in it directly is a person of its
 * own, named like the file without its ending; so is a file that is named.
 * @param skip - a folder not to walk into: the one of the report
 */
export async function photosInFolders(paths: readonly string[], skip: string | undefined): Promise<AuditPhoto[]> {
  const photos: AuditPhoto[] = []
  const seen = new Set<string>()
  for (const path of paths) {
    for await (const { path: file } of listInputs([path], skip)) {
      const place = resolve(file)
      if (seen.has(place)) continue
      seen.add(place)
      const revision = await revisionOf(place)
      photos.push({ file, path: file, subject: personOf(path, file), revision, quality: null })
    }
  }
  return photos
}

/**
 * The photos of a gallery's list: a CSV with the columns `subject` and `file`, and `quality` where the gallery keeps it. Files are found
 * from the list's own folder.
 * @throws DiffiqaError `invalid-option` when it cannot be read or lacks a column; UsageError for rows without meaning
 */
export async function photosInList(list: string): Promise<AuditPhoto[]> {
  const photos = new Map<string, AuditPhoto>()
  const rows = await readColumns(list, ['subject', 'file', 'quality'], ['file', 'quality'])
  for (const { subject, file, quality } of rows) {
    if (subject === '') throw new UsageError(`${list}: a row has no subject`)
    const kept = quality.trim() === '' ? null : Number(quality)
    if (kept !== null && !(kept >= 0 && kept <= 1))
      throw new UsageError(`${list}: the quality of ${subject} must be from 0 to 1, not ${quality}`)
    const path = file === '' ? null : resolve(dirname(list), file)
    const revision = path === null ? `quality ${kept}` : await revisionOf(path)
    const photo = { file: path === null ? null : file, path, subject, revision, quality: kept }
    if (!photos.has(keyOf(photo))) photos.set(keyOf(photo), photo)
  }
  return [...photos.values()]
}

/** Whom a photo below a folder is enrolled as. */
export function personOf(root: string, file: string): string {
  const steps = relative(root, file).split(sep)
  return steps.length > 1 ? (steps[0] as string) : parse(file).name
}

/** Size and time of change; the same for all that cannot be asked. */
export async function revisionOf(path: string): Promise<string> {
  return stat(path).then(
    ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
    () => 'none',
  )
}
