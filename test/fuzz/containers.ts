import { crc32 } from 'node:zlib'
import type { Chunk, Container } from './container.ts'

const u32be = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}
const u32le = (value: number): Buffer => u32be(value).reverse() as Buffer

const jpeg: Container = {
  kinds: [
    'c0',
    'c1',
    'c2',
    'c4',
    'c9',
    'cc',
    'd8',
    'd9',
    'da',
    'db',
    'dc',
    'dd',
    'e0',
    'e1',
    'e2',
    'ed',
    'ee',
    'fe',
    '00',
  ],
  read(file) {
    const chunks: Chunk[] = []
    let at = 2
    while (at + 4 <= file.length && file[at] === 0xff && file[at + 1] !== 0xd9) {
      const kind = (file[at + 1] as number).toString(16).padStart(2, '0')
      const end = at + 2 + file.readUInt16BE(at + 2)
      let next = end
      // In a scan's data 0xff is followed by zero or a restart marker.
      const inScan = (): boolean =>
        file[next] !== 0xff || file[next + 1] === 0 || ((file[next + 1] ?? 0) & 0xf8) === 0xd0
      while (kind === 'da' && next < file.length && inScan()) next++
      chunks.push({ kind, data: file.subarray(at + 4, end), ...(next > end && { tail: file.subarray(end, next) }) })
      at = next
    }
    return chunks
  },
  write(chunks) {
    const pieces = chunks.flatMap(({ kind, data, claimed, tail }): Buffer[] => [
      Buffer.from(`ff${kind}`, 'hex'),
      u32be(claimed ?? data.length + 2).subarray(2),
      data,
      ...(tail ? [tail] : []),
    ])
    return Buffer.concat([Buffer.from('ffd8', 'hex'), ...pieces, Buffer.from('ffd9', 'hex')])
  },
}

const PNG_MAGIC = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

const png: Container = {
  kinds: [
    'IHDR',
    'PLTE',
    'IDAT',
    'IEND',
    'tRNS',
    'gAMA',
    'cHRM',
    'sRGB',
    'iCCP',
    'tEXt',
    'zTXt',
    'iTXt',
    'eXIf',
    'bKGD',
    'sBIT',
    'acTL',
    'fcTL',
    'CgBI',
  ],
  read(file) {
    const chunks: Chunk[] = []
    for (let at = 8; at + 12 <= file.length; ) {
      const length = file.readUInt32BE(at)
      chunks.push({ kind: file.toString('latin1', at + 4, at + 8), data: file.subarray(at + 8, at + 8 + length) })
      at += length + 12
    }
    return chunks
  },
  write(chunks, sums) {
    const pieces = chunks.flatMap(({ kind, data, claimed }): Buffer[] => {
      const body = Buffer.concat([Buffer.from(kind, 'latin1'), data])
      return [u32be(claimed ?? data.length), body, u32be(sums ? crc32(body) : 0x12345678)]
    })
    return Buffer.concat([PNG_MAGIC, ...pieces])
  },
}

const webp: Container = {
  kinds: ['VP8 ', 'VP8L', 'VP8X', 'ALPH', 'ANIM', 'ANMF', 'ICCP', 'EXIF', 'XMP ', 'junk'],
  read(file) {
    const chunks: Chunk[] = []
    for (let at = 12; at + 8 <= file.length; ) {
      const length = file.readUInt32LE(at + 4)
      chunks.push({ kind: file.toString('latin1', at, at + 4), data: file.subarray(at + 8, at + 8 + length) })
      at += 8 + length + (length % 2)
    }
    return chunks
  },
  write(chunks, sums) {
    const body = Buffer.concat(
      chunks.flatMap(({ kind, data, claimed }): Buffer[] => [
        Buffer.from(kind, 'latin1'),
        u32le(claimed ?? data.length),
        data,
        Buffer.alloc(data.length % 2),
      ]),
    )
    return Buffer.concat([
      Buffer.from('RIFF'),
      u32le(sums ? body.length + 4 : body.length >> 1),
      Buffer.from('WEBP'),
      body,
    ])
  },
}

/** The boxes within `meta` lie in its data; the outer ones are enough to move, cut and lie about. */
const avif: Container = {
  kinds: ['ftyp', 'meta', 'mdat', 'moov', 'free', 'iloc', 'iinf', 'ipco'],
  read(file) {
    const chunks: Chunk[] = []
    for (let at = 0; at + 8 <= file.length; ) {
      const length = Math.max(8, file.readUInt32BE(at))
      chunks.push({ kind: file.toString('latin1', at + 4, at + 8), data: file.subarray(at + 8, at + length) })
      at += length
    }
    return chunks
  },
  write(chunks) {
    return Buffer.concat(
      chunks.flatMap(({ kind, data, claimed }): Buffer[] => [
        u32be(claimed ?? data.length + 8),
        Buffer.from(kind, 'latin1'),
        data,
      ]),
    )
  },
}

/** Formats that are made of chunks; TIFF is not. */
export const CONTAINERS: Readonly<Record<string, Container>> = { jpeg, png, webp, avif }
