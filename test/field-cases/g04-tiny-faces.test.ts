import sharp from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { outcome, scoreOf, testGate } from '../fixtures/gate.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'

const gate = await testGate()
afterAll(() => gate.close())

const HEIGHTS = [200, 100, 60, 40, 30, 20, 12]
const RANK = { accept: 2, 'down-weight': 1, reject: 0 }

const face = sharp(await sampleFace('f')).extract({ left: 60, top: 140, width: 300, height: 400 })
const small = (height: number): Promise<Buffer> => face.clone().resize({ height }).png().toBuffer()
const onGrey = async (...pieces: { input: Buffer; left: number; top: number }[]): Promise<Buffer> =>
  sharp({ create: { width: 1920, height: 1080, channels: 3, background: '#808080' } })
    .composite(pieces)
    .jpeg({ quality: 95 })
    .toBuffer()

describe('G04: faces too small to be anybody', () => {
  test('a decision never improves as the face shrinks, and the smallest are refused', async () => {
    let best = Number.POSITIVE_INFINITY
    for (const height of HEIGHTS) {
      const result = await outcome(gate, await onGrey({ input: await small(height), left: 900, top: 500 }))
      const rank = result.verdict ? RANK[result.verdict.decision] : -1
      expect(rank, `${height} px`).toBeLessThanOrEqual(best)
      best = Math.min(best, rank)
      if (height > 30) continue
      expect(['face-too-small', 'no-face']).toContain(result.code)
    }
  })

  test('a face under the minimum says how large it is and how large it has to be', async () => {
    const result = await outcome(gate, await small(40), {})
    if (result.code === 'face-too-small') {
      expect(result.details).toMatchObject({
        reasons: [{ code: 'too_small', value: expect.any(Number), threshold: expect.any(Number) }],
      })
    } else {
      expect(result.code ?? result.verdict.decision).not.toBe('accept')
    }
  })

  test('a bystander under the minimum does not make it several faces', async () => {
    const both = await outcome(
      gate,
      await onGrey({ input: await small(400), left: 700, top: 300 }, { input: await small(24), left: 60, top: 60 }),
    )
    const alone = await outcome(gate, await onGrey({ input: await small(400), left: 700, top: 300 }))
    expect(both.verdict?.decision).toBe(alone.verdict?.decision)
    expect(scoreOf(both)).toBeCloseTo(scoreOf(alone), 1)
  })

  test('the minimum decides, not only what the detector can see', async () => {
    const strict = await testGate({ minInterEye: 60 })
    try {
      const alone = await onGrey({ input: await small(200), left: 900, top: 500 })
      expect((await outcome(gate, alone)).code).toBeUndefined()
      const error = await strict.assess(alone).catch((thrown) => thrown)
      expect(error).toMatchObject({ code: 'face-too-small' })
      const [reason] = error.details.reasons
      expect(reason).toMatchObject({ code: 'too_small', threshold: 60 })
      expect(reason.value).toBeGreaterThan(20)
      expect(reason.value).toBeLessThan(60)

      const large = { input: await small(400), left: 700, top: 300 }
      const both = await onGrey(large, { input: await small(200), left: 60, top: 60 })
      expect((await outcome(gate, both)).code).toBe('several-faces')
      expect((await outcome(strict, both)).verdict).toBeDefined()
    } finally {
      await strict.close()
    }
  })
})
