import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { invert, mapPoint, TEMPLATE, umeyama } from '../../src/face/umeyama.ts'

const similarity = fc.record({
  angle: fc.double({ min: -Math.PI, max: Math.PI, noNaN: true }),
  scale: fc.double({ min: 0.05, max: 20, noNaN: true }),
  x: fc.double({ min: -2000, max: 2000, noNaN: true }),
  y: fc.double({ min: -2000, max: 2000, noNaN: true }),
})

describe('umeyama', () => {
  test('finds the similarity that moved the points', () => {
    fc.assert(
      fc.property(similarity, ({ angle, scale, x, y }) => {
        const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)]
        const moved = TEMPLATE.map((p) => mapPoint([c, -s, x, s, c, y], p))
        const { transform, residual } = umeyama(moved, TEMPLATE)
        expect(residual).toBeLessThan(1e-6)
        for (const [i, p] of moved.entries()) {
          const back = mapPoint(transform, p)
          expect(back.x).toBeCloseTo(TEMPLATE[i]?.x as number, 5)
          expect(back.y).toBeCloseTo(TEMPLATE[i]?.y as number, 5)
        }
      }),
    )
  })

  test('leaves no better similarity: small changes only raise the residual', () => {
    const point = fc.record({
      x: fc.double({ min: 0, max: 300, noNaN: true }),
      y: fc.double({ min: 0, max: 300, noNaN: true }),
    })
    const error = (t: Parameters<typeof mapPoint>[0], points: readonly { x: number; y: number }[]): number =>
      points.reduce((sum, p, i) => {
        const m = mapPoint(t, p)
        return sum + (m.x - (TEMPLATE[i]?.x as number)) ** 2 + (m.y - (TEMPLATE[i]?.y as number)) ** 2
      }, 0)
    fc.assert(
      fc.property(fc.array(point, { minLength: 5, maxLength: 5 }), fc.integer({ min: 0, max: 3 }), (points, which) => {
        fc.pre(points.some((p) => Math.hypot(p.x - (points[0]?.x as number), p.y - (points[0]?.y as number)) > 5))
        const { transform } = umeyama(points, TEMPLATE)
        const best = error(transform, points)
        for (const step of [-0.01, 0.01]) {
          const [a, b, c, d, e, f] = transform
          const changed = (
            [
              [a + step, b, c, d, e + step, f],
              [a, b + step, c, d - step, e, f],
              [a, b, c + step, d, e, f],
              [a, b, c, d, e, f + step],
            ] as const
          )[which] as typeof transform
          expect(error(changed, points)).toBeGreaterThanOrEqual(best - 1e-9)
        }
      }),
    )
  })

  test('the inverse brings every point back', () => {
    fc.assert(
      fc.property(similarity, ({ angle, scale, x, y }) => {
        const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)]
        const there = mapPoint([c, -s, x, s, c, y], { x: 12, y: 34 })
        const back = mapPoint(invert([c, -s, x, s, c, y]), there)
        expect(back.x).toBeCloseTo(12, 4)
        expect(back.y).toBeCloseTo(34, 4)
      }),
    )
  })

  test('refuses points that coincide', () => {
    expect(() => umeyama(Array(5).fill({ x: 3, y: 3 }), TEMPLATE)).toThrow(RangeError)
  })
})
