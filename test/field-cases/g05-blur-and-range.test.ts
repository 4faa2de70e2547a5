import sharp from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { outcome, scoreOf, testGate } from '../fixtures/gate.ts'
import { SAMPLE_FACES, sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'

const gate = await testGate()
afterAll(() => gate.close())

const SIGMAS = [2, 4, 8, 12]
const TOLERANCE = 0.02

describe('G05: blurred and turned faces, scores out of range', () => {
  test.each(SAMPLE_FACES)('the score of fixture %s falls with blur, and the worst is never accepted', async (name) => {
    let last = scoreOf(await outcome(gate, await sampleFace(name)))
    for (const sigma of SIGMAS) {
      const blurred = await outcome(
        gate,
        await sharp(await sampleFace(name))
          .blur(sigma)
          .jpeg({ quality: 95 })
          .toBuffer(),
      )
      expect(scoreOf(blurred), `sigma ${sigma}`).toBeLessThanOrEqual(last + TOLERANCE)
      last = scoreOf(blurred)
      if (sigma < 12) continue
      if (blurred.code) expect(blurred.code).toBe('no-face')
      else {
        expect(blurred.verdict?.decision).not.toBe('accept')
        expect(['blur', 'low_score']).toContain(blurred.verdict?.reasons[0]?.code)
      }
    }
  })

  test('the profile is the lowest of its photo', async () => {
    const { verdicts } = await gate.assess(samplePhoto(2), { faces: 'all' })
    const profile = verdicts.find(({ face }) => face && Math.abs(face.box.x - 360) < 130 && face.interEyeDistance < 60)
    expect(profile).toBeDefined()
    const lowest = [...verdicts].sort((a, b) => (a.score?.value ?? 2) - (b.score?.value ?? 2))[0]
    expect(lowest).toBe(profile)
  })

  test('every score is finite and within 0..1, also of huge and of covered faces', async () => {
    const huge = await sharp(await sampleFace('f'))
      .resize(2500)
      .jpeg()
      .toBuffer()
    const cells = Buffer.from(
      Uint8Array.from({ length: 500 * 700 * 4 }, (_, i) => {
        const pixel = i >> 2
        const on = (((pixel % 500) >> 3) + (Math.floor(pixel / 500) >> 3)) % 2 === 0
        return i % 4 === 3 ? (on ? 160 : 0) : 255
      }),
    )
    const board = await sharp(await sampleFace('f'))
      .composite([{ input: cells, raw: { width: 500, height: 700, channels: 4 } }])
      .jpeg()
      .toBuffer()
    for (const photo of [huge, board]) {
      const result = await outcome(gate, photo, { full: true })
      if (result.code) continue
      for (const score of [result.verdict?.score, result.verdict?.fast, result.verdict?.full]) {
        expect(score?.value).toBeGreaterThanOrEqual(0)
        expect(score?.value).toBeLessThanOrEqual(1)
        expect(Number.isFinite(score?.sigma)).toBe(true)
      }
    }
  })
})
