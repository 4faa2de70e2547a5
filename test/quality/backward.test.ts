import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tensor } from '../../src/inference/tensor-model.ts'
import { restore, walk } from '../../src/quality/backward.ts'
import { MAX_BATCH } from '../../src/quality/batch.ts'
import { diffuse } from '../../src/quality/forward.ts'
import { gaussianNoise } from '../../src/quality/noise.ts'
import { alphaBar } from '../../src/quality/schedule.ts'
import { toTensor } from '../../src/quality/tensor.ts'
import { analyticDenoiser, CROP_BYTES, countingModel, identical, syntheticFaces } from './stand-ins.ts'

const x = toTensor(syntheticFaces.smooth)
const noiseOf = (timestep: number, draw = 0, stream = 0): Float32Array =>
  gaussianNoise([7, 9], { draw, timestep, stream }, CROP_BYTES)
const noisyCrop = (timestep: number, draw = 0) => ({
  x: diffuse(x, noiseOf(timestep, draw), timestep),
  timestep,
  noise: (step: number) => noiseOf(timestep, draw, 2 + step),
})

/** Knows the clean face. */
const perfect = () =>
  countingModel((feeds) => {
    const count = feeds.x?.dims[0] as number
    const data = new Float32Array(count * CROP_BYTES)
    for (let n = 0; n < count; n++) data.set(x, n * CROP_BYTES)
    return { x0: { data, dims: [count, 3, 112, 112] } }
  })

describe('walk', () => {
  it("is the paper's for t = 5 in six steps: 0 is visited twice", () => {
    expect(walk(5, 6)).toEqual([4, 3, 2, 1, 0, 0, -1])
  })

  it('goes down from t − 1 to the clean image', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 2, max: 20 }), (t, steps) => {
        const times = walk(t, steps)
        expect(times).toHaveLength(steps + 1)
        expect(times[0]).toBe(t - 1)
        expect(times.at(-1)).toBe(-1)
        for (const [i, time] of times.slice(0, -1).entries()) {
          expect(Object.is(time, -0)).toBe(false)
          expect(time).toBeGreaterThanOrEqual(Math.max(0, times[i + 1] as number))
        }
      }),
    )
  })
})

describe('restore', () => {
  it('returns the clean face when the denoiser knows it, whatever the walk and the noise', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 999 }),
        fc.integer({ min: 1, max: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (t, steps, eta) => {
          const [restored] = await restore(perfect(), [noisyCrop(t)], { steps, eta })
          expect(identical(restored, x)).toBe(true)
        },
      ),
      { numRuns: 10 },
    )
  })

  it('keeps the noise level of the schedule on the way, with and without fresh noise', async () => {
    for (const eta of [0, 1]) {
      const spreads: [number, number][] = []
      const denoiser = countingModel(({ x: noisy, t }) => {
        const time = (t as Tensor).data[0] as number
        const signal = Math.sqrt(alphaBar(time))
        const squares = (noisy as Tensor).data.reduce((sum, v, i) => sum + (v - signal * (x[i] as number)) ** 2, 0)
        spreads.push([time, Math.sqrt(squares / CROP_BYTES)])
        return { x0: { data: x, dims: [1, 3, 112, 112] } }
      })
      // From 251, so that the walk starts at the forward process's own timestep.
      await restore(denoiser, [{ ...noisyCrop(250), timestep: 251 }], { steps: 5, eta })
      expect(spreads.map(([time]) => time)).toEqual(walk(251, 5).slice(0, -1))
      for (const [time, spread] of spreads) {
        const expected = Math.sqrt(1 - alphaBar(time))
        expect(Math.abs(spread / expected - 1)).toBeLessThan(0.02)
      }
    }
  })

  it('tells the network the forward timestep in the one-step form, and clips its guess', async () => {
    const times: number[] = []
    const denoiser = countingModel(({ t }) => {
      times.push(...(t as Tensor).data)
      return { x0: { data: new Float32Array(2 * CROP_BYTES).fill(3), dims: [2, 3, 112, 112] } }
    })
    const restored = await restore(denoiser, [noisyCrop(20), noisyCrop(250)], { steps: 1, eta: 0 })
    expect(times).toEqual([20, 250])
    expect(restored.map((crop) => Math.max(...crop))).toEqual([1, 1])
  })

  it('asks for no noise when eta is 0', async () => {
    const crop = {
      ...noisyCrop(100),
      noise: () => {
        throw new Error('asked')
      },
    }
    expect(await restore(analyticDenoiser(), [crop], { steps: 4, eta: 0 })).toHaveLength(1)
    await expect(restore(analyticDenoiser(), [crop], { steps: 4, eta: 1 })).rejects.toThrow('asked')
  })

  it('gives each crop the same result alone and in a batch of mixed timesteps', async () => {
    const crops = [5, 20, 250, 90, 5, 33, 44, 55, 66, 77].map((t, draw) => noisyCrop(t, draw))
    const denoiser = analyticDenoiser()
    const together = await restore(denoiser, crops, { steps: 3, eta: 1 })
    expect(denoiser.calls).toEqual([MAX_BATCH, 2, MAX_BATCH, 2, MAX_BATCH, 2])
    for (const [i, crop] of crops.entries()) {
      const [alone] = await restore(analyticDenoiser(), [crop], { steps: 3, eta: 1 })
      expect(identical(alone, together[i])).toBe(true)
    }
  })

  it('leaves its input alone', async () => {
    const crop = noisyCrop(50)
    const before = crop.x.slice()
    await restore(analyticDenoiser(), [crop], { steps: 3, eta: 1 })
    expect(identical(crop.x, before)).toBe(true)
  })

  it.each([
    ['too few numbers', new Float32Array(5)],
    ['not a number', new Float32Array(CROP_BYTES).fill(Number.NaN)],
  ])('refuses an answer with %s', async (_, data) => {
    const denoiser = countingModel(() => ({ x0: { data, dims: [1, 3, 112, 112] } }))
    await expect(restore(denoiser, [noisyCrop(5)], { steps: 1, eta: 0 })).rejects.toMatchObject({
      code: 'invalid-model-output',
    })
  })
})
