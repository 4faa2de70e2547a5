import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'

/** The first box of a HEIC file, all that a sniffer needs; nothing behind it could be decoded. */
function heicHeader(): Buffer {
  const box = Buffer.alloc(24)
  box.writeUInt32BE(24, 0)
  box.write('ftypheic\0\0\0\0mif1heic', 4, 'latin1')
  return Buffer.concat([box, Buffer.alloc(400, 7)])
}

/**
 * A temporary folder:
 * good/ one-a.jpg, one-f.jpg, sub/one-c.png, three.jpg (three faces); bad/ cut.jpg, empty.jpg, grey.png (no face), phone.jpg (HEIC
 * inside), text.jpg; nothing/ is empty.
 */
export async function makePhotos(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'diffiqa-cli-'))
  for (const folder of ['good/sub', 'bad', 'nothing']) mkdirSync(join(root, folder), { recursive: true })
  const put = (name: string, bytes: Uint8Array | string) => writeFileSync(join(root, name), bytes)
  const f = await sampleFace('f')
  put('good/one-f.jpg', f)
  put('good/one-a.jpg', await sampleFace('a'))
  put(
    'good/sub/one-c.png',
    await sharp(await sampleFace('c'))
      .png()
      .toBuffer(),
  )
  put('good/three.jpg', samplePhoto(2))
  put('bad/cut.jpg', f.subarray(0, Math.floor(f.length * 0.6)))
  put('bad/empty.jpg', '')
  put(
    'bad/grey.png',
    await sharp({ create: { width: 64, height: 64, channels: 3, background: '#777' } })
      .png()
      .toBuffer(),
  )
  put('bad/phone.jpg', heicHeader())
  put('bad/text.jpg', 'not a photo')
  return root
}
