import { readFile } from 'node:fs/promises'
import { isAbsolute, normalize, relative, resolve, sep } from 'node:path'
import { DiffiqaError } from '../errors.ts'
import { parseCsv } from './csv.ts'

/**
 * Named columns of a CSV file with a header line; other columns are passed over.
 * @param optional - columns that may be missing: their fields are then empty
 * @throws DiffiqaError `invalid-option` when it cannot be read or lacks a column
 */
export async function readColumns<K extends string>(
  path: string,
  columns: readonly K[],
  optional: readonly NoInfer<K>[] = [],
): Promise<Record<K, string>[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new DiffiqaError('invalid-option', `${path} cannot be read`, { cause })
  }
  const [header = [], ...rows] = parseCsv(text)
  const places = columns.map((column) => {
    const place = header.findIndex((title) => title.trim().toLowerCase() === column)
    if (place < 0 && !optional.includes(column))
      throw new DiffiqaError('invalid-option', `${path} needs a header line with ${columns.join(', ')}; no "${column}"`)
    return [column, place] as const
  })
  return rows.map(
    (row) => Object.fromEntries(places.map(([column, place]) => [column, row[place] ?? ''])) as Record<K, string>,
  )
}

/** A photo's name below the folder, whether it was written so or with the way to the folder before it. */
export function photoName(folder: string, written: string): string {
  const below = relative(folder, resolve(written))
  const name = below.startsWith('..') || isAbsolute(below) ? normalize(written) : below
  return name.split(sep).join('/')
}
