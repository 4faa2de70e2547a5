import { mutateBytes } from './mutate-bytes.ts'
import type { FuzzRandom } from './random.ts'

/** Start of each directory entry of a TIFF, which EXIF is too; directories that are pointed at count as well. */
function entriesOf(bytes: Buffer, big: boolean): number[] {
  const u16 = (at: number): number => (big ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at))
  const u32 = (at: number): number => (big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at))
  const entries: number[] = []
  const waiting = [u32(4)]
  const seen = new Set<number>()
  while (waiting.length > 0 && seen.size < 8) {
    const at = waiting.pop() as number
    if (seen.has(at) || at + 2 > bytes.length) continue
    seen.add(at)
    const end = at + 2 + 12 * u16(at)
    for (let entry = at + 2; entry < end && entry + 12 <= bytes.length; entry += 12) {
      entries.push(entry)
      if ([0x8769, 0x8825, 0xa005, 0x014a].includes(u16(entry))) waiting.push(u32(entry + 8))
    }
    if (end + 4 <= bytes.length) waiting.push(u32(end))
  }
  return entries
}

/** Changes tags, types, counts and offsets; sometimes makes a directory point at itself, or the byte order lie. */
export function mutateTiff(bytes: Buffer, random: FuzzRandom): Buffer {
  if (bytes.length < 10) return mutateBytes(bytes, random)
  const copy = Buffer.from(bytes)
  const big = copy[0] === 0x4d
  const write16 = (value: number, at: number): number =>
    big ? copy.writeUInt16BE(value & 0xffff, at) : copy.writeUInt16LE(value & 0xffff, at)
  const write32 = (value: number, at: number): number =>
    big ? copy.writeUInt32BE(value, at) : copy.writeUInt32LE(value, at)
  const entries = entriesOf(copy, big)
  if (entries.length === 0 || random.chance(0.1)) {
    if (random.chance(0.3)) copy.write(big ? 'II*\0' : 'MM\0*', 0, 'latin1')
    else write32(random.chance(0.5) ? random.below(copy.length) : random.odd(), 4)
    return copy
  }
  const entry = random.pick(entries)
  const somewhere = (): number => (random.chance(0.5) ? random.odd() : random.below(copy.length))
  switch (random.below(6)) {
    case 0:
      write16(random.chance(0.5) ? random.odd() : 0x100 + random.below(64), entry)
      break
    case 1:
      write16(random.below(16), entry + 2)
      break
    case 2:
      write32(random.odd(), entry + 4)
      break
    case 3:
      write32(somewhere(), entry + 8)
      break
    case 4:
      // A directory within itself.
      write16(random.pick([0x8769, 0x8825, 0xa005, 0x014a]), entry)
      write32(entry - 2, entry + 8)
      break
    default:
      copy.copyWithin(entry, random.pick(entries), random.pick(entries) + 12)
  }
  return copy
}
