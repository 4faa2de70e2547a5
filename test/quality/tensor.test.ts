import fc from 'fast-check'
import { expect, it } from 'vitest'
import { mirror, rows, stack, toPixels, toTensor } from '../../src/quality/tensor.ts'
import { CROP_BYTES, identical, syntheticFaces } from './stand-ins.ts'

const bytes = fc.uint8Array({ minLength: CROP_BYTES, maxLength: CROP_BYTES })

it('lays channels out one after the other, in -1..1', () => {
  const tensor = toTensor(syntheticFaces.ramp)
  for (const [channel, y, x] of [
    [0, 0, 0],
    [1, 3, 7],
    [2, 111, 111],
  ] as const)
    expect(tensor[channel * 12544 + y * 112 + x]).toBeCloseTo(
      (syntheticFaces.ramp[(y * 112 + x) * 3 + channel] as number) / 127.5 - 1,
      6,
    )
})

it('comes back to the same bytes', () => {
  fc.assert(
    fc.property(bytes, (pixels) => {
      const tensor = toTensor(pixels)
      expect(Buffer.compare(toPixels(tensor), pixels)).toBe(0)
      expect(tensor.every((value) => value >= -1 && value <= 1)).toBe(true)
    }),
    { numRuns: 5 },
  )
})

it('clips what reaches beyond the range', () => {
  const tensor = new Float32Array(CROP_BYTES).fill(1.3)
  tensor[0] = -4
  const pixels = toPixels(tensor)
  expect([pixels[0], pixels[1], pixels[37631]]).toEqual([0, 255, 255])
})

it('mirrors left and right, and twice is nothing', () => {
  fc.assert(
    fc.property(bytes, (pixels) => {
      const tensor = toTensor(pixels)
      const flipped = mirror(tensor)
      expect(identical(mirror(flipped), tensor)).toBe(true)
      expect(flipped[12544 + 5 * 112 + 3]).toBe(tensor[12544 + 5 * 112 + 108])
    }),
    { numRuns: 5 },
  )
})

it('stacks and takes apart', () => {
  const crops = [toTensor(syntheticFaces.ramp), toTensor(syntheticFaces.smooth)]
  const { data, dims } = stack(crops)
  expect(dims).toEqual([2, 3, 112, 112])
  const back = rows(data, CROP_BYTES)
  expect(back).toHaveLength(2)
  expect(back.every((crop, i) => identical(crop, crops[i]))).toBe(true)
})

it('refuses a crop of another size', () => {
  expect(() => toTensor(new Uint8Array(100))).toThrow(expect.objectContaining({ code: 'scoring-failed' }))
})
