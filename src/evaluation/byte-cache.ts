import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What was computed from some content, one file each, found again by the hash of that content. */
export interface ByteCache {
  /**
   * @param parts - all that the answer depends on
   * @returns what `compute` answered for the same parts before, or answers now
   */
  recall(parts: readonly (string | Uint8Array)[], compute: () => Promise<Uint8Array>): Promise<Uint8Array>
}

/**
 * Crops and embeddings are personal data: nothing is kept unless somebody named a folder for it.
 * @param folder - made when the first answer is kept
 */
export function createByteCache(folder: string): ByteCache {
  return {
    async recall(parts, compute) {
      const path = join(folder, fileName(parts))
      const kept = await readFile(path).catch(() => undefined)
      // A copy: a small file's buffer is a piece of a shared one.
      if (kept) return new Uint8Array(kept)
      const bytes = await compute()
      await mkdir(dirname(path), { recursive: true })
      // Whole or not at all, also when two runs share the folder or one is interrupted.
      const draft = `${path}.${randomUUID()}`
      await writeFile(draft, bytes)
      await rename(draft, path)
      return bytes
    },
  }
}

/** Each part counts with its length, so that no two lists of parts are the same bytes. */
function fileName(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part)
  const name = hash.digest('hex')
  return join(name.slice(0, 2), name)
}

/** The same for numbers. */
export async function recallNumbers(
  cache: ByteCache,
  parts: readonly (string | Uint8Array)[],
  compute: () => Promise<ArrayLike<number>>,
): Promise<Float32Array> {
  const bytes = await cache.recall(parts, async () => new Uint8Array(Float32Array.from(await compute()).buffer))
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}
