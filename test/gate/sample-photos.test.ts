import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Gate } from '../../src/gate/gate.ts'
import type { Verdict } from '../../src/gate/types.ts'
import { outcome, scoreOf, testGate } from '../fixtures/gate.ts'
import { samplePhoto } from '../fixtures/sample-faces.ts'

/** Eye distance of the aligned crop in pixels. */
const CROP_EYES = 35.24

/**
 * Left edges of the boxes of the clear faces, looked at by eye; the others are turned away, out of focus, in the dark, half hidden by
 * hair or lit in strong colours.
 */
const CLEAR = {
  1: [418, 827, 1484],
  2: [1432],
  3: [590, 1066],
  4: [652],
  5: [376, 790],
  6: [252, 665, 1173, 1471],
} as const

let gate: Gate
beforeAll(async () => {
  gate = await testGate({ workers: 2 })
})
afterAll(() => gate.close())

/** The face with its surroundings, as a lossless photo of its own. */
async function cut(photo: Buffer, { face }: Verdict): Promise<Buffer> {
  const { width, height } = await sharp(photo).metadata()
  const box = face?.box as { x: number; y: number; width: number; height: number }
  const margin = box.width * 0.6
  const left = Math.max(0, Math.round(box.x - margin))
  const top = Math.max(0, Math.round(box.y - margin))
  return sharp(photo)
    .extract({
      left,
      top,
      width: Math.min(width - left, Math.round(box.width + 2 * margin)),
      height: Math.min(height - top, Math.round(box.height + 2 * margin)),
    })
    .png()
    .toBuffer()
}

describe('the six sample photos', () => {
  test.each([1, 2, 3, 4, 5, 6] as const)('sample%i: clear faces pass; blurred and shrunk ones do not', async (n) => {
    const photo = samplePhoto(n)
    const { verdicts } = await gate.assess(photo, { faces: 'all' })
    const clearOnes = verdicts.filter(({ face }) => CLEAR[n].some((left) => Math.abs((face?.box.x ?? 0) - left) < 10))
    expect(clearOnes).toHaveLength(CLEAR[n].length)
    for (const verdict of clearOnes) {
      const eyes = verdict.face?.interEyeDistance as number
      const label = `face at ${Math.round(verdict.face?.box.x ?? 0)}, ${Math.round(verdict.face?.box.y ?? 0)}`
      expect(verdict.decision, label).toBe('accept')

      const alone = await cut(photo, verdict)
      const size = await sharp(alone).metadata()
      const blurred = await sharp(alone)
        .blur((4 * eyes) / CROP_EYES)
        .png()
        .toBuffer()
      const width = Math.max(8, Math.round((size.width * 16) / (verdict.face?.box.width as number)))
      const tiny = await sharp(alone).resize({ width }).png().toBuffer()
      const enlarged = await sharp(tiny).resize({ width: size.width, kernel: 'cubic' }).png().toBuffer()
      for (const [what, bytes] of [
        ['blurred', blurred],
        ['shrunk to 16 pixels', tiny],
        ['shrunk and enlarged', enlarged],
      ] as const) {
        const worse = await outcome(gate, bytes, { faces: 'largest' })
        expect(worse.code ?? worse.verdict.decision, `${label}, ${what}`).not.toBe('accept')
        expect(scoreOf(worse), `${label}, ${what}`).toBeLessThan((verdict.score?.value as number) - 0.15)
      }
    }
  })

  test('two runs give identical scores', async () => {
    const scores = async () =>
      (await gate.assess(samplePhoto(3), { faces: 'all', full: true })).verdicts.map(({ fast, full, score }) => [
        fast,
        full,
        score,
      ])
    expect(await scores()).toEqual(await scores())
  })
})
