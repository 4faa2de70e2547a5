import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { sniff } from '../../src/face/sniff.ts'

const tiny = sharp({ create: { width: 8, height: 8, channels: 3, background: '#345' } })

describe('sniff', () => {
  test.each(['jpeg', 'png', 'webp', 'tiff', 'avif'] as const)('knows %s by its bytes', async (format) => {
    expect(sniff(await tiny.clone().toFormat(format).toBuffer()).format).toBe(format)
  })

  test.each([
    ['GIF', Buffer.from('GIF89a...........')],
    ['HEIC', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1')],
    ['SVG, XML or HTML', Buffer.from('  <svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['PDF', Buffer.from('%PDF-1.7')],
    ['unknown content', Buffer.from('hello, I am a photo')],
    ['unknown content', Buffer.alloc(0)],
  ])('names %s and does not take it', (name, bytes) => {
    expect(sniff(bytes)).toEqual({ format: undefined, name })
  })

  test('answers on any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => typeof sniff(bytes).name === 'string'))
  })
})
