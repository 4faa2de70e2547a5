import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { sampleFace } from '../fixtures/sample-faces.ts'

function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const chunk = Buffer.alloc(body.length + 8)
  chunk.writeUInt32BE(data.length, 0)
  body.copy(chunk, 4)
  chunk.writeUInt32BE(crc32(body), body.length + 4)
  return chunk
}

/** An 8-bit grey PNG whose header claims a size; its data are some rows of it only. */
export function pngBomb(width: number, height: number, { interlaced = false } = {}): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 0, 0, 0, interlaced ? 1 : 0], 8)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(Buffer.alloc((width + 1) * 16))),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

/** The same JPEG, claiming another size in its frame header. */
export function claimSize(jpeg: Buffer, side: number): Buffer {
  const copy = Buffer.from(jpeg)
  for (let at = 2; at < copy.length; at += 2 + copy.readUInt16BE(at + 2)) {
    const marker = copy[at + 1] as number
    if (marker !== 0xc0 && marker !== 0xc2) continue
    copy.writeUInt16BE(side, at + 5)
    copy.writeUInt16BE(side, at + 7)
    return copy
  }
  throw new Error('no frame header')
}

export const flat = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#808080' } })

/** A grey picture of 49 megapixels that has to be unpacked as a whole before its first row is known. */
export const largeFlat = {
  png: () => flat(7000, 7000).png({ progressive: true, compressionLevel: 1 }).toBuffer(),
  jpeg: () => flat(7000, 7000).jpeg({ progressive: true }).toBuffer(),
}

/** Two frames. */
export async function animatedWebp(face: boolean): Promise<Buffer> {
  const first = face ? await sampleFace('f') : await flat(500, 700).jpeg().toBuffer()
  const second = await flat(500, 700).png().toBuffer()
  return sharp([first, second], { join: { animated: true } })
    .webp()
    .toBuffer()
}

/** A face of this height in pixels, on a grey picture. */
export async function smallFace(height: number): Promise<Buffer> {
  const face = await sharp(await sampleFace('f'))
    .extract({ left: 60, top: 140, width: 300, height: 400 })
    .resize({ height })
    .png()
    .toBuffer()
  return flat(1920, 1080)
    .composite([{ input: face, left: 900, top: 500 }])
    .jpeg({ quality: 95 })
    .toBuffer()
}

/** The first bytes of a phone's HEIC file. */
export const heicHeader = Buffer.concat([
  Buffer.from([0, 0, 0, 24]),
  Buffer.from('ftypheic\0\0\0\0mif1heic'),
  Buffer.alloc(2000, 7),
])

export const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><script>alert(1)</script></svg>'
export const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')
