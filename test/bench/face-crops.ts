import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const SIDE = 112
const BYTES = SIDE * SIDE * 3

export interface FaceCrop {
  /** A face of a set without names is a person of its own. */
  readonly person: string
  readonly read: () => Promise<Uint8Array>
}

/**
 * The untouched crops that `models/training/crops.ts` wrote into a folder, those of the test splits left out: nothing is tuned on these.
 * @returns the first of each person, in a mixed but fixed order, then all others
 */
export async function faceCrops(folder: string): Promise<{ firsts: FaceCrop[]; others: FaceCrop[] }> {
  const sets = (await readdir(folder)).filter((name) => /^(?!.*-test).*\.clean\.jsonl$/.test(name)).sort()
  const known = new Set<string>()
  const [firsts, others]: [FaceCrop[], FaceCrop[]] = [[], []]
  for (const set of sets) {
    const pixels = join(folder, set.replace('.jsonl', '.u8'))
    for (const line of (await readFile(join(folder, set), 'utf8')).trim().split('\n')) {
      const { i, file, person } = JSON.parse(line) as { i: number; file: string; person: string | null }
      if (i < 0) continue
      const name = `${set}/${person ?? file}`
      const crop = { person: name, read: () => row(pixels, i) }
      if (known.has(name)) others.push(crop)
      else firsts.push(crop)
      known.add(name)
    }
  }
  return { firsts: spread(firsts), others: spread(others) }
}

/** Neighbours in the sets come to lie far apart. */
const spread = <T>(items: readonly T[]): T[] => {
  const step = 7919
  return items.length % step === 0 ? [...items] : items.map((_, n) => items[(n * step) % items.length] as T)
}

async function row(path: string, index: number): Promise<Uint8Array> {
  await using file = await open(path)
  const bytes = new Uint8Array(BYTES)
  await file.read(bytes, 0, BYTES, index * BYTES)
  return bytes
}
