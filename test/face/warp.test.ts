import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RgbImage } from '../../src/face/types.ts'
import { warp } from '../../src/face/warp.ts'

/** A linear ramp is reproduced exactly by bilinear sampling and by block averages. */
function ramp(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 3
      data[i] = Math.round((x / (width - 1)) * 255)
      data[i + 1] = Math.round((y / (height - 1)) * 255)
      data[i + 2] = 77
    }
  return { width, height, data }
}

describe('warp', () => {
  test('the identity copies the pixels', () => {
    const image = ramp(112, 112)
    expect(warp(image, [1, 0, 0, 0, 1, 0], 112)).toEqual(image.data)
  })

  test('a ramp keeps its slope at any scale, also where blocks are averaged', () => {
    const image = ramp(900, 900)
    fc.assert(
      fc.property(fc.double({ min: 0.14, max: 1, noNaN: true }), (scale) => {
        const size = 112
        const out = warp(image, [scale, 0, 0, 0, scale, 0], size)
        for (const [x, y] of [
          [20, 30],
          [80, 90],
          [100, 15],
        ] as const) {
          const i = (y * size + x) * 3
          expect(Math.abs((out[i] as number) - (x / scale / 899) * 255)).toBeLessThan(1.6)
          expect(Math.abs((out[i + 1] as number) - (y / scale / 899) * 255)).toBeLessThan(1.6)
          expect(out[i + 2]).toBe(77)
        }
      }),
      { numRuns: 20 },
    )
  })

  test('outside the photo is black', () => {
    const out = warp(ramp(112, 112), [1, 0, 500, 0, 1, 0], 112)
    expect(out.every((value) => value === 0)).toBe(true)
  })
})
