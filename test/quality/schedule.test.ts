import fc from 'fast-check'
import { expect, it } from 'vitest'
import { alphaBar, TIMESTEPS } from '../../src/quality/schedule.ts'

it('falls from almost one to almost nothing, step by step', () => {
  let before = 1
  for (let t = 0; t < TIMESTEPS; t++) {
    expect(alphaBar(t)).toBeLessThan(before)
    expect(alphaBar(t)).toBeGreaterThan(0)
    before = alphaBar(t)
  }
  expect(alphaBar(0)).toBeGreaterThan(0.9999)
  expect(alphaBar(TIMESTEPS - 1)).toBeLessThan(1e-8)
})

it('has the noise levels that the published timesteps stand for', () => {
  const sigma = (t: number): number => Math.sqrt(1 - alphaBar(t))
  expect(sigma(0)).toBeCloseTo(0.0064, 4)
  expect(sigma(5)).toBeCloseTo(0.0179, 4)
  expect(sigma(20)).toBeCloseTo(0.0434, 4)
  expect(sigma(50)).toBeCloseTo(0.091, 3)
  expect(sigma(99)).toBeCloseTo(0.167, 3)
})

it('telescopes to f(t+1)/f(0) wherever no beta was clipped', () => {
  const f = (i: number): number => Math.cos(((i / 1000 + 0.008) / 1.008) * (Math.PI / 2)) ** 2
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 990 }), (t) => {
      expect(alphaBar(t)).toBeCloseTo(f(t + 1) / f(0), 10)
    }),
  )
})

it.each([-1, 1000, 2.5, Number.NaN])('refuses %s as a timestep', (t) => {
  expect(() => alphaBar(t)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
})
