import { rename, writeFile } from 'node:fs/promises'

/** Photos of people and their names are for nobody but the user to read. */
export const PRIVATE_FILE = { mode: 0o600 } as const
export const PRIVATE_FOLDER = { recursive: true, mode: 0o700 } as const

/**
 * Writes a file whole or not at all: whoever reads it meanwhile sees the one before.
 * @throws the error of the file system
 */
export async function replaceFile(path: string, parts: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const draft = `${path}.draft`
  await writeFile(draft, parts, PRIVATE_FILE)
  await rename(draft, path)
}
