import fc from 'fast-check'
import { expect, it } from 'vitest'
import { spread } from '../../src/quality/features.ts'
import { cosine, norm } from '../../src/quality/similarity.ts'

const vector = fc.float32Array({
  minLength: 8,
  maxLength: 8,
  noNaN: true,
  noDefaultInfinity: true,
  min: -100,
  max: 100,
})

it('is symmetric, within -1..1, 1 for itself, and blind to length', () => {
  fc.assert(
    fc.property(vector, vector, (a, b) => {
      const s = cosine(a, b)
      expect(s).toBe(cosine(b, a))
      expect(Math.abs(s)).toBeLessThanOrEqual(1)
      fc.pre(norm(a) > 1e-3)
      expect(cosine(a, a)).toBeCloseTo(1, 6)
      expect(
        cosine(
          a.map((v) => v * 3),
          b,
        ),
      ).toBeCloseTo(s, 5)
      expect(
        cosine(
          a,
          a.map((v) => -v),
        ),
      ).toBeCloseTo(-1, 6)
    }),
  )
})

it('finds nothing similar to an embedding of length zero', () => {
  expect(cosine(new Float32Array(4), Float32Array.of(1, 2, 3, 4))).toBe(0)
})

it('knows right angles and the 3-4-5 triangle', () => {
  expect(cosine(Float32Array.of(1, 0), Float32Array.of(0, 2))).toBe(0)
  expect(norm(Float32Array.of(3, 4))).toBe(5)
})

it('spreads similarities near one, in order, and stays finite', () => {
  expect(spread(0.99)).toBeCloseTo(-Math.log(0.01), 6)
  expect(spread(1)).toBeCloseTo(-Math.log(1e-6), 6)
  expect(spread(-1)).toBeCloseTo(-Math.log(2), 12)
  fc.assert(
    fc.property(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true }), (a, b) => {
      expect(spread(Math.min(a, b))).toBeLessThanOrEqual(spread(Math.max(a, b)))
    }),
  )
})
