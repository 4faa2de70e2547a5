import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** A photo of the data folder. */
export interface Photo {
  readonly path: string
  /** `set/Person/file`. */
  readonly name: string
  /** `Person/file`, or the file alone where there are no people. */
  readonly file: string
  readonly person: string
}

/**
 * The photos of a set, in the order of their names.
 * @param people - only the first so many: for a try
 */
export async function listPhotos(data: string, set: string, people = Number.POSITIVE_INFINITY): Promise<Photo[]> {
  const entries = await readdir(join(data, set), { recursive: true })
  const files = entries
    .map((entry) => entry.replaceAll('\\', '/'))
    .filter((entry) => /\.(jpe?g|png)$/i.test(entry))
    .sort()
  const photos = files.map((file): Photo => {
    const slash = file.indexOf('/')
    return {
      path: join(data, set, file),
      name: `${set}/${file}`,
      file,
      person: slash < 0 ? file : file.slice(0, slash),
    }
  })
  const known = [...new Set(photos.map(({ person }) => person))].slice(0, people)
  const wanted = new Set(known)
  return photos.filter(({ person }) => wanted.has(person))
}
