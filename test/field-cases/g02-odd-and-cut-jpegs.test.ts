import sharp from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { outcome, scoreOf, testGate } from '../fixtures/gate.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'

const gate = await testGate()
afterAll(() => gate.close())
const face = await sampleFace('f')

/** Some phones write a sequential JPEG whose scan header has zeros where 0, 63, 0 belong. */
function withOddScanHeader(jpeg: Buffer): Buffer {
  const copy = Buffer.from(jpeg)
  const scan = copy.indexOf(Buffer.from([0xff, 0xda]))
  const components = copy[scan + 4] as number
  copy.fill(0, scan + 5 + 2 * components, scan + 8 + 2 * components)
  return copy
}

describe('G02: harmless warnings against cut-off files', () => {
  test('a phone JPEG with odd scan parameters scores like the ordinary one', async () => {
    const [plain, odd] = [await outcome(gate, face), await outcome(gate, withOddScanHeader(face))]
    expect(odd.verdict).toBeDefined()
    expect(Math.abs(scoreOf(odd) - scoreOf(plain))).toBeLessThanOrEqual(0.02)
  })

  test.each([30, 60, 90, 99])('a file cut at %i percent is unreadable, even where the face is whole', async (share) => {
    expect((await outcome(gate, face.subarray(0, Math.floor((face.length * share) / 100)))).code).toBe(
      'unreadable-image',
    )
  })

  test.each([
    ['progressive JPEG', () => sharp(face).jpeg({ progressive: true }).toBuffer()],
    ['PNG', () => sharp(face).png().toBuffer()],
    ['interlaced PNG', () => sharp(face).png({ progressive: true }).toBuffer()],
    ['WebP', () => sharp(face).webp().toBuffer()],
    ['lossless WebP', () => sharp(face).webp({ lossless: true }).toBuffer()],
    ['TIFF', () => sharp(face).tiff({ compression: 'lzw' }).toBuffer()],
    ['AVIF', () => sharp(face).avif({ effort: 0 }).toBuffer()],
  ] as const)('so is a cut %s', async (_, make) => {
    const whole = await make()
    expect((await outcome(gate, whole)).verdict).toBeDefined()
    for (const share of [30, 60, 90, 99]) {
      const { code } = await outcome(gate, whole.subarray(0, Math.floor((whole.length * share) / 100)))
      expect([share, code]).toEqual([share, 'unreadable-image'])
    }
  })
})
