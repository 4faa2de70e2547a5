import type { Chunk, Container } from './container.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateTiff } from './mutate-tiff.ts'
import type { FuzzRandom } from './random.ts'

type ChunkMutation = (chunks: Chunk[], random: FuzzRandom, container: Container) => void

const EXIF_KINDS = ['e1', 'eXIf', 'EXIF']
const EXIF_HEAD = Buffer.from('Exif\0\0')
function replace(chunks: Chunk[], at: number, change: Partial<Chunk>): void {
  chunks[at] = { ...(chunks[at] as Chunk), ...change }
}

/** Any chunk, or one of the kinds where the file has such. */
function pickAt(chunks: readonly Chunk[], random: FuzzRandom, kinds?: readonly string[]): number {
  const places = chunks.map((_, i) => i).filter((i) => !kinds || kinds.includes((chunks[i] as Chunk).kind))
  return places.length > 0 ? random.pick(places) : random.below(chunks.length)
}

/** Where a chunk has sizes, and in how many bytes: negative where the first byte is the highest. */
const SIZES: Readonly<Record<string, { readonly offsets: readonly number[]; readonly bytes: number }>> = {
  c0: { offsets: [1, 3], bytes: -2 },
  c1: { offsets: [1, 3], bytes: -2 },
  c2: { offsets: [1, 3], bytes: -2 },
  IHDR: { offsets: [0, 4], bytes: -4 },
  VP8X: { offsets: [4, 7], bytes: 3 },
  ANMF: { offsets: [0, 3, 6, 9], bytes: 3 },
  'VP8 ': { offsets: [6, 8], bytes: 2 },
  VP8L: { offsets: [1], bytes: 4 },
}

function setSize({ kind, data }: Chunk, random: FuzzRandom): Buffer {
  const size = SIZES[kind]
  if (!size) return mutateBytes(data, random)
  const copy = Buffer.from(data)
  const at = random.pick(size.offsets)
  const width = Math.abs(size.bytes)
  if (at + width > copy.length) return copy
  const side = random.pick([0, 1, 2, 111, 113, 7000, 7072, 16_383, 16_384, 65_500, 65_535, random.odd()])
  const value = side % 2 ** (8 * width)
  if (size.bytes < 0) copy.writeUIntBE(value, at, width)
  else copy.writeUIntLE(value, at, width)
  return copy
}

const MUTATIONS: readonly ChunkMutation[] = [
  function changeData(chunks, random) {
    const at = pickAt(chunks, random)
    replace(chunks, at, { data: mutateBytes((chunks[at] as Chunk).data, random) })
  },
  function changeScan(chunks, random) {
    const at = pickAt(chunks, random, ['da'])
    const { tail, data } = chunks[at] as Chunk
    replace(chunks, at, tail ? { tail: mutateBytes(tail, random) } : { data: mutateBytes(data, random) })
  },
  function changeSize(chunks, random) {
    const at = pickAt(chunks, random, Object.keys(SIZES))
    replace(chunks, at, { data: setSize(chunks[at] as Chunk, random) })
  },
  function changeExif(chunks, random) {
    const at = pickAt(chunks, random, EXIF_KINDS)
    const { data } = chunks[at] as Chunk
    const head = data.subarray(0, 6).equals(EXIF_HEAD) ? EXIF_HEAD : Buffer.alloc(0)
    let inner = data.subarray(head.length)
    for (let left = 1 + random.below(4); left > 0; left--) inner = mutateTiff(inner, random)
    replace(chunks, at, { data: Buffer.concat([head, inner]) })
  },
  function lieAboutLength(chunks, random) {
    const at = pickAt(chunks, random)
    const { length } = (chunks[at] as Chunk).data
    const claimed = random.chance(0.5) ? Math.max(0, length + random.pick([-2, -1, 1, 2, 4, 100])) : random.odd()
    replace(chunks, at, { claimed })
  },
  (chunks, random) => chunks.splice(pickAt(chunks, random), 1),
  function double(chunks, random) {
    const chunk = chunks[pickAt(chunks, random)] as Chunk
    const times = 1 + random.below(random.chance(0.9) ? 3 : 300)
    chunks.splice(random.below(chunks.length + 1), 0, ...Array<Chunk>(times).fill(chunk))
  },
  function swap(chunks, random) {
    const [a, b] = [pickAt(chunks, random), pickAt(chunks, random)]
    const first = chunks[a] as Chunk
    chunks[a] = chunks[b] as Chunk
    chunks[b] = first
  },
  function rename(chunks, random, { kinds }) {
    replace(chunks, pickAt(chunks, random), { kind: random.pick(kinds) })
  },
  function insert(chunks, random, { kinds }) {
    const data = random.chance(0.5) ? random.bytes(random.below(80)) : (chunks[pickAt(chunks, random)] as Chunk).data
    chunks.splice(random.below(chunks.length + 1), 0, { kind: random.pick(kinds), data })
  },
]

/** Changes the file where its format has joints, and leaves the rest as valid as it was. */
export function mutateChunks(file: Buffer, container: Container, random: FuzzRandom): Buffer {
  const chunks = container.read(file)
  if (chunks.length === 0) return mutateBytes(file, random)
  for (let left = random.chance(0.6) ? 1 : 3; left > 0 && chunks.length > 0; left--)
    random.pick(MUTATIONS)(chunks, random, container)
  return container.write(chunks, random.chance(0.85))
}
