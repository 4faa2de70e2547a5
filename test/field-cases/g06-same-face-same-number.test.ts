import sharp from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { outcome, scoreOf, testGate } from '../fixtures/gate.ts'
import { SAMPLE_FACES, sampleFace } from '../fixtures/sample-faces.ts'

const gate = await testGate()
afterAll(() => gate.close())

const variants: readonly (readonly [string, number, (face: Buffer) => Promise<Buffer>])[] = [
  ['JPEG 95', 0.05, (face) => sharp(face).jpeg({ quality: 95 }).toBuffer()],
  ['JPEG 85', 0.05, (face) => sharp(face).jpeg({ quality: 85 }).toBuffer()],
  ['JPEG 75', 0.08, (face) => sharp(face).jpeg({ quality: 75 }).toBuffer()],
  ['PNG', 0.05, (face) => sharp(face).png().toBuffer()],
  ['a pixel off the left', 0.05, (face) => cut(face, 1, 0)],
  ['a pixel off the top', 0.05, (face) => cut(face, 0, 1)],
  [
    'a mirrored border',
    0.05,
    (face) => sharp(face).extend({ top: 8, bottom: 8, left: 8, right: 8, extendWith: 'mirror' }).png().toBuffer(),
  ],
  ['98 %', 0.05, (face) => resized(face, 0.98)],
  ['102 %', 0.05, (face) => resized(face, 1.02)],
]

async function cut(face: Buffer, left: number, top: number): Promise<Buffer> {
  const { width, height } = await sharp(face).metadata()
  return sharp(face)
    .extract({ left, top, width: width - left, height: height - top })
    .png()
    .toBuffer()
}

async function resized(face: Buffer, factor: number): Promise<Buffer> {
  const { width } = await sharp(face).metadata()
  return sharp(face)
    .resize(Math.round(width * factor))
    .png()
    .toBuffer()
}

describe('G06: same face, same number', () => {
  test('the same bytes give the same verdict, on one worker, on two, and with the full score', async () => {
    const two = await testGate({ workers: 2 })
    try {
      const face = await sampleFace('c')
      const verdicts = await Promise.all(
        [gate, gate, two, two, two].map(async (g) => {
          const {
            timings: _,
            cached: __,
            ...rest
          } = (await outcome(g, face, { full: true })).verdict as object as { timings: unknown; cached: unknown }
          return JSON.stringify(rest)
        }),
      )
      expect(new Set(verdicts).size).toBe(1)
    } finally {
      await two.close()
    }
  })

  test.each(SAMPLE_FACES)('fixture %s keeps its score through re-encoding, shifts and small scalings', async (name) => {
    const face = await sampleFace(name)
    const base = await outcome(gate, face)
    for (const [label, tolerance, make] of variants) {
      const other = await outcome(gate, await make(face))
      expect(Math.abs(scoreOf(other) - scoreOf(base)), label).toBeLessThanOrEqual(tolerance)
      expect([base.verdict?.decision, other.verdict?.decision]).not.toEqual(['accept', 'reject'])
    }
  })
})
