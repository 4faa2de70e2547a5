import fc from 'fast-check'
import { expect, it } from 'vitest'
import { diffuse } from '../../src/quality/forward.ts'
import { gaussianNoise } from '../../src/quality/noise.ts'
import { alphaBar } from '../../src/quality/schedule.ts'

const N = 37632
const timestep = fc.integer({ min: 0, max: 999 })

it('keeps √ᾱ of the signal and adds noise of variance 1 − ᾱ', () => {
  fc.assert(
    fc.property(timestep, fc.double({ min: -1, max: 1, noNaN: true }), (t, level) => {
      const x = new Float32Array(N).fill(level)
      const noisy = diffuse(x, gaussianNoise([t, 1], { draw: 0, timestep: t, stream: 0 }, N), t)
      const mean = noisy.reduce((sum, v) => sum + v, 0) / N
      const variance = noisy.reduce((sum, v) => sum + (v - mean) ** 2, 0) / N
      const expected = 1 - alphaBar(t)
      expect(Math.abs(mean - Math.sqrt(alphaBar(t)) * level)).toBeLessThan(5 * Math.sqrt(expected / N) + 1e-6)
      expect(Math.abs(variance - expected)).toBeLessThan(5 * expected * Math.sqrt(2 / N) + 1e-6)
    }),
    { numRuns: 20 },
  )
})

it('is not clipped', () => {
  expect(diffuse(new Float32Array([1]), new Float32Array([3]), 500)[0]).toBeGreaterThan(1)
})
