import sharp from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { outcome, scoreOf, testGate } from '../fixtures/gate.ts'
import { SAMPLE_FACES, sampleFace } from '../fixtures/sample-faces.ts'

const gate = await testGate()
afterAll(() => gate.close())

describe('G03: heads that lie sideways or upside down, without EXIF', () => {
  test.each(SAMPLE_FACES)('fixture %s is turned upright, or refused with a word about orientation', async (name) => {
    const upright = await outcome(gate, await sampleFace(name))
    const size = await sharp(await sampleFace(name)).metadata()
    const box = upright.verdict?.face?.box as { x: number; y: number; width: number; height: number }
    const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 }
    for (const degrees of [90, 180, 270]) {
      const turned = await outcome(
        gate,
        await sharp(await sampleFace(name))
          .rotate(degrees)
          .jpeg({ quality: 95 })
          .toBuffer(),
      )
      if (turned.code) {
        expect(turned.code).toBe('no-face')
        continue
      }
      if (turned.verdict?.decision === 'reject') {
        if (upright.verdict?.decision === 'reject') continue
        expect(turned.verdict.reasons.map((reason) => reason.code)).toContain('pose')
        continue
      }
      expect(Math.abs(scoreOf(turned) - scoreOf(upright))).toBeLessThanOrEqual(0.1)
      const found = turned.verdict?.face?.box as typeof box
      const expected = {
        90: { x: size.height - middle.y, y: middle.x },
        180: { x: size.width - middle.x, y: size.height - middle.y },
        270: { x: middle.y, y: size.width - middle.x },
      }[degrees] as typeof middle
      expect(Math.hypot(found.x + found.width / 2 - expected.x, found.y + found.height / 2 - expected.y)).toBeLessThan(
        box.width / 3,
      )
    }
  })
})
