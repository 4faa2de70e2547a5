import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { DiffiqaError } from '../../src/errors.ts'
import { bestFrames } from '../../src/gate/best-frames.ts'
import { fakeGate, photoOf, THRESHOLDS } from '../fixtures/fake-gate.ts'

const blind = new Uint8Array()

describe('gate.best()', () => {
  test('the best frames first, their places told, equally good ones in the order given', async () => {
    const best = await fakeGate().best([photoOf(0.5), photoOf(0.9), photoOf(0.7), photoOf(0.9)], 3)
    expect(best.map(({ index }) => index)).toEqual([1, 3, 2])
    expect(best[0]?.assessment.verdict.score?.value).toBe(0.9)
  })

  test('whatever the frames: rejected ones never take part, none is better than the first, at most n', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 10 }),
        async (hundredths, n) => {
          const frames = hundredths.map((value) => photoOf(value / 100))
          const usable = hundredths.filter((value) => value / 100 >= THRESHOLDS.probe.rejectBelow)
          const answer = fakeGate().best(frames, n)
          if (usable.length === 0) {
            await expect(answer).rejects.toMatchObject({ code: 'quality-rejected' })
            return
          }
          const values = (await answer).map(({ assessment }) => assessment.verdict.score?.value)
          expect(values).toEqual(
            [...usable]
              .sort((a, b) => b - a)
              .slice(0, n)
              .map((value) => value / 100),
          )
        },
      ),
      { numRuns: 50 },
    )
  })

  test('all rejected: the reasons of the best, a code for each', async () => {
    await expect(fakeGate().best([blind, photoOf(0.1), photoOf(0.3)])).rejects.toMatchObject({
      code: 'quality-rejected',
      message: 'Hold still.',
      details: { score: 0.3, frames: ['no-face', 'quality-rejected', 'quality-rejected'] },
    })
    await expect(fakeGate().best([blind, blind])).rejects.toMatchObject({
      code: 'no-face',
      details: { frames: ['no-face', 'no-face'] },
    })
  })

  test('shadow mode keeps nothing back', async () => {
    const [first] = await fakeGate({ mode: 'shadow' }).best([photoOf(0.1), photoOf(0.2)])
    expect(first?.index).toBe(1)
  })

  test('a failure of the service, or an abort, ends the call; a few frames are in work at a time', async () => {
    const gate = fakeGate()
    let running = 0
    let most = 0
    const busy = vi.fn(async (photo: Uint8Array | { bytes: Uint8Array }) => {
      most = Math.max(most, ++running)
      const answer = await gate.assess(photo)
      running--
      if (busy.mock.calls.length > 8) throw new DiffiqaError('queue-full')
      return answer
    })
    const frames = Array.from({ length: 50 }, () => photoOf(0.9))
    await expect(bestFrames({ assess: busy }, frames, 1, {})).rejects.toMatchObject({ code: 'queue-full' })
    expect(most).toBe(4)
    expect(busy.mock.calls.length).toBeLessThan(14)
    await expect(fakeGate().best([photoOf(0.9)], 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    })
  })

  test.each([
    ['no list', 'photo.jpg', 1, 'frames'],
    ['nothing', [], 1, 'frames'],
    ['too many', Array.from({ length: 101 }, () => photoOf(0.9)), 1, 'frames'],
    ['a path', [photoOf(0.9), '/etc/passwd'], 1, 'frames[1]'],
    ['a hole', Object.assign(new Array(3), { 0: photoOf(0.9), 2: photoOf(0.9) }), 1, 'frames[1]'],
    ['no frame wanted', [photoOf(0.9)], 0, 'n'],
    ['half a frame wanted', [photoOf(0.9)], 1.5, 'n'],
  ])('%s is refused before anything is scored', async (_, frames, n, option) => {
    const gate = fakeGate()
    await expect(gate.best(frames as Uint8Array[], n)).rejects.toMatchObject({
      code: 'invalid-option',
      details: { option },
    })
    expect(gate.assess).not.toHaveBeenCalled()
  })
})
