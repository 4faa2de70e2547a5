import type { FuzzRandom } from './random.ts'

type ByteMutation = (bytes: Buffer, random: FuzzRandom) => Buffer

/** A short stretch of the bytes. */
function stretch(bytes: Buffer, random: FuzzRandom): readonly [from: number, to: number] {
  const from = random.below(bytes.length + 1)
  const longest = random.chance(0.5) ? 16 : bytes.length
  return [from, Math.min(bytes.length, from + 1 + random.below(longest))]
}

const MUTATIONS: readonly ByteMutation[] = [
  function flipBits(bytes, random) {
    const copy = Buffer.from(bytes)
    for (let left = 1 + random.below(8); left > 0 && copy.length > 0; left--) {
      const at = random.below(copy.length)
      copy[at] = (copy[at] as number) ^ (1 << random.below(8))
    }
    return copy
  },
  function setBytes(bytes, random) {
    const copy = Buffer.from(bytes)
    for (let left = 1 + random.below(8); left > 0 && copy.length > 0; left--)
      copy[random.below(copy.length)] = random.pick([0, 1, 0x7f, 0x80, 0xfe, 0xff, random.below(256)])
    return copy
  },
  function setNumber(bytes, random) {
    const copy = Buffer.from(bytes)
    if (copy.length < 4) return copy
    const at = random.below(copy.length - 3)
    if (random.chance(0.5)) copy.writeUInt32BE(random.odd(), at)
    else copy.writeUInt32LE(random.odd(), at)
    return copy
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  function takeOut(bytes, random) {
    const [from, to] = stretch(bytes, random)
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
  },
  function putIn(bytes, random) {
    const at = random.below(bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(64)), bytes.subarray(at)])
  },
  function repeat(bytes, random) {
    const [from, to] = stretch(bytes, random)
    const times = 1 + random.below(random.chance(0.9) ? 3 : 200)
    return Buffer.concat([bytes.subarray(0, to), ...Array(times).fill(bytes.subarray(from, to)), bytes.subarray(to)])
  },
  function wipe(bytes, random) {
    const [from, to] = stretch(bytes, random)
    return Buffer.from(bytes).fill(random.pick([0, 0xff]), from, to)
  },
]

/** Bytes changed without any idea of what they mean. */
export function mutateBytes(bytes: Buffer, random: FuzzRandom): Buffer {
  return random.pick(MUTATIONS)(bytes, random)
}
