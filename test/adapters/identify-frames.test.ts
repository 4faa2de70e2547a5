import fc from 'fast-check'
import { beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { embeddingMatcher } from '../../src/adapters/embedding-matcher.ts'
import { cosine, MemoryGallery } from '../../src/adapters/gallery.ts'
import { guard } from '../../src/adapters/guard.ts'
import type { GuardedMethods, GuardOptions } from '../../src/adapters/guard-types.ts'
import type { Candidate, Probe, ScoreScale } from '../../src/adapters/matcher.ts'
import { DiffiqaError } from '../../src/errors.ts'
import { fakeGate, photoOf } from '../fixtures/fake-gate.ts'

const SCALE: ScoreScale = { direction: 'similarity', min: -1, max: 1, impostorMean: 0.1, defaultThreshold: 0.5 }

/** A photo is [hundredths of quality, numbers of its embedding…]. */
const frame = (quality: number, ...embedding: number[]): Uint8Array =>
  Uint8Array.of(Math.round(quality * 100), ...embedding)
const ada = [1, 0, 0]
const bob = [0, 1, 0]

const described = vi.fn(({ photo }: Probe) => [...photo.subarray(1)])

function matcher() {
  const gallery = new MemoryGallery()
  gallery.add('ada', ada, { modelId: 'm' })
  gallery.add('bob', bob, { modelId: 'm' })
  const embed = async (probe: Probe) => {
    const embedding = described(probe)
    if (embedding.length === 0) throw new DiffiqaError('no-face')
    return { embedding, source: {} }
  }
  return embeddingMatcher({
    name: 'fake',
    scale: SCALE,
    calibration: undefined,
    gallery,
    modelId: 'm',
    compare: cosine,
    embed,
  })
}

const raw: GuardOptions = { downWeight: false }

beforeEach(() => {
  described.mockClear()
})

describe('identifyFrames()', () => {
  it('searches once with the frames pooled by quality', async () => {
    const [fake, gate] = [matcher(), fakeGate()]
    const guarded = guard(fake, gate, raw)
    const found = await guarded.identifyFrames([frame(0.5, 2, 2, 0), frame(0.9, 4, 0, 0), frame(0.1, 0, 9, 0)])
    expect(found).toMatchObject({ method: 'pooled', verdict: { score: { value: 0.9 } } })
    expect(found.frames.map(({ used, verdict }) => [used, verdict?.decision])).toEqual([
      [true, 'down-weight'],
      [true, 'accept'],
      [false, 'reject'],
    ])
    expect(found.effectiveCount).toBeCloseTo((0.5 + 0.9) ** 2 / (0.25 + 0.81))
    const [x, y] = [0.9 + 0.5 * Math.SQRT1_2, 0.5 * Math.SQRT1_2]
    expect(found.candidates[0]?.subject).toBe('ada')
    expect(found.candidates[0]?.rawScore).toBeCloseTo(x / Math.hypot(x, y), 5)
    // The rejected frame never reached the matcher.
    expect(described).toHaveBeenCalledTimes(2)
    expect(gate.matcherEvents).toMatchObject([{ operation: 'identify', outcome: 'ok' }])
  })

  it('a better frame draws the search towards itself', async () => {
    const score = async (quality: number): Promise<number> => {
      const frames = [frame(quality, 1, 0, 0), frame(0.6, 0, 1, 0)]
      const { candidates } = await guard(matcher(), fakeGate(), raw).identifyFrames(frames)
      return candidates.find(({ subject }) => subject === 'ada')?.rawScore as number
    }
    const rising = [await score(0.45), await score(0.6), await score(0.95)]
    expect([...rising].sort()).toEqual(rising)
    expect(rising[1]).toBeCloseTo(Math.SQRT1_2, 5)
  })

  it('asks with the best frame where the matcher keeps its embeddings to itself', async () => {
    const identify = vi.fn(async (_probe: Probe): Promise<Candidate[]> => [{ subject: 'ada', score: 0.7, source: 1 }])
    const remote = { name: 'remote', scale: SCALE, identify }
    const best = frame(0.8, 1)
    const found = await guard(remote, fakeGate(), raw).identifyFrames([frame(0.5, 1), best, new Uint8Array()])
    expect(found).toMatchObject({ method: 'best-frame', effectiveCount: 1, candidates: [{ rawScore: 0.7, source: 1 }] })
    expect(found.frames.map(({ used, refusal }) => [used, refusal])).toEqual([
      [false, undefined],
      [true, undefined],
      [false, 'no-face'],
    ])
    expect(identify).toHaveBeenCalledTimes(1)
    expect(identify.mock.calls[0]?.[0].photo).toBe(best)
  })

  it('a frame that the matcher itself finds no face in is left out', async () => {
    const found = await guard(matcher(), fakeGate(), raw).identifyFrames([frame(0.9), frame(0.8, 1, 0, 0)])
    expect(found.frames.map(({ used }) => used)).toEqual([false, true])
    expect(found.candidates[0]).toMatchObject({ subject: 'ada', rawScore: 1 })
    await expect(guard(matcher(), fakeGate()).identifyFrames([frame(0.9), frame(0.8)])).rejects.toMatchObject({
      code: 'no-face',
    })
  })

  it('all rejected: the refusal of the best one, and the matcher is not asked', async () => {
    const [fake, gate] = [matcher(), fakeGate()]
    await expect(guard(fake, gate).identifyFrames([frame(0.1, 1), new Uint8Array()])).rejects.toMatchObject({
      code: 'quality-rejected',
      details: { frames: ['quality-rejected', 'no-face'], score: 0.1 },
    })
    expect(described).not.toHaveBeenCalled()
    expect(gate.matcherEvents).toMatchObject([{ outcome: 'withheld' }])
  })

  it('shadow mode counts all frames alike and changes no score', async () => {
    const found = await guard(matcher(), fakeGate({ mode: 'shadow' })).identifyFrames([
      frame(0.1, 1, 0, 0),
      frame(0.9, 0, 1, 0),
    ])
    expect(found.effectiveCount).toBe(2)
    for (const { rawScore, adjustedScore } of found.candidates) {
      expect(rawScore).toBeCloseTo(Math.SQRT1_2, 5)
      expect(adjustedScore).toBe(rawScore)
    }
  })

  it('adjusted scores are never better than raw ones, and keep the order of the candidates', async () => {
    const numbers = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 3, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.double({ min: 0.4, max: 1, noNaN: true }), numbers), { minLength: 1, maxLength: 6 }),
        async (frames) => {
          const { candidates } = await guard(matcher(), fakeGate()).identifyFrames(
            frames.map(([quality, embedding]) => frame(quality, ...embedding)),
          )
          const [first, second] = candidates as [(typeof candidates)[0], (typeof candidates)[0]]
          for (const { rawScore, adjustedScore } of candidates) expect(adjustedScore).toBeLessThanOrEqual(rawScore)
          expect(first.rawScore).toBeGreaterThanOrEqual(second.rawScore)
          expect(first.adjustedScore).toBeGreaterThanOrEqual(second.adjustedScore)
        },
      ),
      { numRuns: 60 },
    )
  })

  it.each([
    ['a path', ['photo.jpg'], {}, 'frames[0]'],
    ['none', [], {}, 'frames'],
    ['no list', photoOf(0.9), {}, 'frames'],
    ['no candidate wanted', [photoOf(0.9)], { limit: 0 }, 'limit'],
  ])('%s is refused', async (_, frames, options, option) => {
    await expect(guard(matcher(), fakeGate()).identifyFrames(frames as Uint8Array[], options)).rejects.toMatchObject({
      code: 'invalid-option',
      details: { option },
    })
  })

  it('ends with an abort, and is absent where identify() is', async () => {
    const frames = [photoOf(0.9), photoOf(0.9)]
    await expect(
      guard(matcher(), fakeGate()).identifyFrames(frames, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'aborted' })
    const verifier = guard({ name: 'v', scale: SCALE, verify: async () => ({ score: 0.5, source: 0 }) }, fakeGate())
    expect('identifyFrames' in verifier).toBe(false)
    expectTypeOf(verifier).not.toHaveProperty('identifyFrames')
    expectTypeOf(guard(matcher(), fakeGate()).identifyFrames).toEqualTypeOf<GuardedMethods['identifyFrames']>()
  })
})
