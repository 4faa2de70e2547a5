import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, extname, parse, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { DiffiqaError } from '../../errors.ts'
import { readColumns } from '../../evaluation/table-file.ts'
import { personOf, revisionOf } from '../audit-inputs.ts'
import type { AuditPhoto } from '../audit-record.ts'
import { listInputs } from '../inputs.ts'
import { UsageError } from '../usage-error.ts'
import type { BulkTask } from './bulk-task.ts'

/** A line of a list. */
interface Entry {
  readonly file: string
  readonly subject?: string
  readonly quality?: string
}

/**
 * The photos of folders, walked whole, and of lists: CSV with a column `file` (and for an audit `subject` and `quality`), or text with one
 * photo a line. `path` is absolute, or a URL. Nothing is read of the photos: they may be on machines that only the workers reach.
 * @throws DiffiqaError `invalid-option` for a list that cannot be read; UsageError for lines without meaning
 */
export async function* bulkPhotos(
  inputs: readonly string[],
  { kind }: Pick<BulkTask, 'kind'>,
): AsyncGenerator<AuditPhoto, void, undefined> {
  for (const input of inputs) {
    const isFolder = await stat(input).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
    if (isFolder) yield* photosIn(input, kind)
    else for await (const entry of entriesOf(input, kind)) yield photoOf(entry, input, kind)
  }
}

async function* photosIn(folder: string, kind: BulkTask['kind']): AsyncGenerator<AuditPhoto, void, undefined> {
  for await (const { path: file } of listInputs([folder])) {
    const subject = kind === 'audit' ? personOf(folder, file) : ''
    yield { file, path: resolve(file), subject, revision: await revisionOf(file), quality: null }
  }
}

async function* entriesOf(list: string, kind: BulkTask['kind']): AsyncGenerator<Entry, void, undefined> {
  if (extname(list).toLowerCase() === '.csv') {
    yield* kind === 'audit'
      ? await readColumns(list, ['subject', 'file', 'quality'], ['file', 'quality'])
      : await readColumns(list, ['file'])
    return
  }
  try {
    const lines = createInterface({ input: createReadStream(list, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })
    for await (const line of lines) {
      const file = line.replace(/^\uFEFF/, '').trim()
      if (/[\0\uFFFD]/.test(file)) throw new UsageError(`${list} is neither a folder nor a list of photos`)
      if (file !== '') yield { file }
    }
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    throw new DiffiqaError('invalid-option', `${list} cannot be read`, { cause })
  }
}

async function photoOf(entry: Entry, list: string, kind: BulkTask['kind']): Promise<AuditPhoto> {
  const { file } = entry
  const kept = entry.quality?.trim() ? Number(entry.quality) : null
  if (kind === 'audit' && entry.subject === '') throw new UsageError(`${list}: a row has no subject`)
  if (kind === 'score' && file === '') throw new UsageError(`${list}: a row has no file`)
  const subject = kind === 'audit' ? (entry.subject ?? parse(file).name) : ''
  if (kept !== null && !(kept >= 0 && kept <= 1))
    throw new UsageError(`${list}: the quality of ${subject} must be from 0 to 1, not ${entry.quality}`)
  if (file === '') return { file: null, path: null, subject, revision: `quality ${kept}`, quality: kept }
  const path = placeOf(file, list)
  return { file, path, subject, revision: isUrl(path) ? 'url' : await revisionOf(path), quality: kept }
}

export const isUrl = (place: string): boolean => /^https?:\/\//i.test(place)

function placeOf(file: string, list: string): string {
  if (!isUrl(file)) return resolve(dirname(list), file)
  if (!URL.canParse(file)) throw new UsageError(`${list}: ${file} is no address`)
  return new URL(file).href
}
