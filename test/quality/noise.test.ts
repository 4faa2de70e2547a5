import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { forwardStream, gaussianNoise, noiseKey, samplerStream } from '../../src/quality/noise.ts'
import { philox4x32 } from '../../src/quality/philox.ts'
import { identical, syntheticFaces } from './stand-ins.ts'

const N = 37632
const KEY = noiseKey(syntheticFaces.ramp, 'test')

const mean = (a: Float32Array): number => a.reduce((sum, v) => sum + v, 0) / a.length
const correlation = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, v, i) => sum + v * (b[i] as number), 0) / a.length

describe('philox4x32', () => {
  // Known answers of the authors' own library, Random123 (kat_vectors, philox4x32 with 10 rounds).
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as [[number, number, number, number], [number, number], number[]][])('%j under %j', (counter, key, expected) => {
    const out = new Uint32Array(4)
    philox4x32(counter, key, out)
    expect([...out]).toEqual(expected)
  })

  it('multiplies 32-bit numbers exactly', () => {
    const u32 = fc.integer({ min: 0, max: 0xffffffff })
    const M0 = 0xd2511f53n
    const M1 = 0xcd9e8d57n
    const mask = 0xffffffffn
    fc.assert(
      fc.property(fc.tuple(u32, u32, u32, u32), fc.tuple(u32, u32), (counter, key) => {
        let c = counter.map(BigInt) as [bigint, bigint, bigint, bigint]
        let [k0, k1] = key.map(BigInt) as [bigint, bigint]
        for (let round = 0; round < 10; round++) {
          const p0 = M0 * c[0]
          const p1 = M1 * c[2]
          c = [(p1 >> 32n) ^ c[1] ^ k0, p1 & mask, (p0 >> 32n) ^ c[3] ^ k1, p0 & mask]
          k0 = (k0 + 0x9e3779b9n) & mask
          k1 = (k1 + 0xbb67ae85n) & mask
        }
        const out = new Uint32Array(4)
        philox4x32(counter, key, out)
        expect([...out]).toEqual(c.map(Number))
      }),
      { numRuns: 50 },
    )
  })
})

describe('noiseKey', () => {
  it('depends on every pixel and on the model version, and on nothing else', () => {
    const other = Uint8Array.from(syntheticFaces.ramp)
    expect(noiseKey(other, 'test')).toEqual(KEY)
    other[37631] = (other[37631] as number) ^ 1
    expect(noiseKey(other, 'test')).not.toEqual(KEY)
    expect(noiseKey(syntheticFaces.ramp, 'test2')).not.toEqual(KEY)
  })
})

describe('gaussianNoise', () => {
  it('is the same each time, and every element is at the same place whatever the length', () => {
    const noise = gaussianNoise(KEY, { draw: 0, timestep: 20, stream: 0 }, N)
    for (const length of [1, 2, 3, 5, 1000, N]) {
      const again = gaussianNoise(KEY, { draw: 0, timestep: 20, stream: 0 }, length)
      expect(identical(again, noise.subarray(0, length))).toBe(true)
    }
  })

  it('is standard normal for any key and address', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff })
    fc.assert(
      fc.property(word, word, fc.nat(20), fc.nat(999), fc.nat(1010), (k0, k1, draw, timestep, stream) => {
        const noise = gaussianNoise([k0, k1], { draw, timestep, stream }, N)
        // Five standard errors of each moment for 37,632 samples.
        expect(Math.abs(mean(noise))).toBeLessThan(5 / Math.sqrt(N))
        expect(Math.abs(correlation(noise, noise) - 1)).toBeLessThan(5 * Math.sqrt(2 / N))
        expect(Math.abs(mean(noise.map((v) => v ** 3)))).toBeLessThan(5 * Math.sqrt(15 / N))
        expect(noise.filter((v) => Math.abs(v) < 0.6745).length / N).toBeCloseTo(0.5, 1)
      }),
      { numRuns: 12 },
    )
  })

  it('is independent between draws, timesteps, streams and keys', () => {
    const base = gaussianNoise(KEY, { draw: 0, timestep: 20, stream: 0 }, N)
    const others = [
      gaussianNoise(KEY, { draw: 2, timestep: 20, stream: 0 }, N),
      gaussianNoise(KEY, { draw: 0, timestep: 21, stream: 0 }, N),
      gaussianNoise(KEY, { draw: 0, timestep: 20, stream: forwardStream(true) }, N),
      gaussianNoise(KEY, { draw: 0, timestep: 20, stream: samplerStream(false, 0) }, N),
      gaussianNoise(KEY, { draw: 0, timestep: 20, stream: samplerStream(true, 0) }, N),
      gaussianNoise(noiseKey(syntheticFaces.smooth, 'test'), { draw: 0, timestep: 20, stream: 0 }, N),
    ]
    for (const other of others) expect(Math.abs(correlation(base, other))).toBeLessThan(5 / Math.sqrt(N))
    const neighbours = correlation(base.subarray(0, N - 1), base.subarray(1))
    expect(Math.abs(neighbours)).toBeLessThan(5 / Math.sqrt(N))
  })

  it('makes odd draws the negative of the even draw before', () => {
    for (const draw of [0, 4]) {
      const even = gaussianNoise(KEY, { draw, timestep: 5, stream: 3 }, 1000)
      const odd = gaussianNoise(KEY, { draw: draw + 1, timestep: 5, stream: 3 }, 1000)
      expect(odd).toEqual(even.map((v) => -v))
    }
  })
})
