import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type PoolingItem, poolEmbeddings } from '../../src/gate/pooling.ts'

const length = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values))
const items = fc.array(
  fc.record({
    // All in one half space, so that they cannot cancel out.
    embedding: fc
      .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 })
      .map((rest) => [2, ...rest]),
    quality: fc.double({ min: 0.01, max: 1, noNaN: true }),
  }),
  { minLength: 1, maxLength: 8 },
)

describe('poolEmbeddings', () => {
  test('a template of unit length, worth between one photo and all of them, whatever the lengths of the embeddings', () => {
    fc.assert(
      fc.property(items, fc.double({ min: 0.1, max: 50, noNaN: true }), (given, factor) => {
        const pooled = poolEmbeddings(given)
        expect(length(pooled.template)).toBeCloseTo(1, 5)
        expect(pooled.effectiveCount).toBeGreaterThanOrEqual(1 - 1e-9)
        expect(pooled.effectiveCount).toBeLessThanOrEqual(given.length + 1e-9)
        const [first, ...others] = given as unknown as [PoolingItem, ...PoolingItem[]]
        const scaled = poolEmbeddings([
          { ...first, embedding: Array.from(first.embedding, (v) => v * factor) },
          ...others,
        ])
        for (const [i, value] of pooled.template.entries()) expect(scaled.template[i]).toBeCloseTo(value, 5)
      }),
    )
  })

  test('a better photo draws the template towards itself', () => {
    const pool = (quality: number) =>
      poolEmbeddings([
        { embedding: [1, 0], quality },
        { embedding: [0, 1], quality: 0.5 },
      ]).template[0] as number
    expect(pool(0.9)).toBeGreaterThan(pool(0.5))
    expect(pool(0.5)).toBeGreaterThan(pool(0.1))
    expect(pool(0.5)).toBeCloseTo(Math.SQRT1_2)
  })

  test('photos at or under the floor are left out', () => {
    const pooled = poolEmbeddings(
      [
        { embedding: [3, 0], quality: 0.8 },
        { embedding: [0, 1], quality: 0.3 },
      ],
      { floor: 0.3 },
    )
    expect([...pooled.template]).toEqual([1, 0])
    expect(pooled).toMatchObject({ used: 1, effectiveCount: 1, quality: 0.8 })
  })

  test('equal photos count fully; gamma 0 ignores quality', () => {
    const pair = [
      { embedding: [1, 0], quality: 0.9 },
      { embedding: [1, 0], quality: 0.1 },
    ]
    expect(poolEmbeddings(pair, { gamma: 0 })).toMatchObject({ effectiveCount: 2, quality: 0.5 })
    expect(poolEmbeddings(pair).effectiveCount).toBeLessThan(1.3)
  })

  test.each([
    ['nobody above the floor', [{ embedding: [1, 0], quality: 0.2 }], { floor: 0.2 }, 'quality-rejected'],
    ['no photo at all', [], {}, 'quality-rejected'],
    [
      'different widths',
      [
        { embedding: [1, 0], quality: 1 },
        { embedding: [1], quality: 1 },
      ],
      {},
      'invalid-embedding',
    ],
    ['an embedding of zeros', [{ embedding: [0, 0], quality: 1 }], {}, 'invalid-embedding'],
    ['NaN', [{ embedding: [Number.NaN, 1], quality: 1 }], {}, 'invalid-embedding'],
    ['an impossible quality', [{ embedding: [1], quality: 1.2 }], {}, 'invalid-embedding'],
    [
      'opposites',
      [
        { embedding: [1, 0], quality: 1 },
        { embedding: [-1, 0], quality: 1 },
      ],
      {},
      'invalid-embedding',
    ],
    ['a floor of 1', [{ embedding: [1], quality: 1 }], { floor: 1 }, 'invalid-option'],
    ['a negative gamma', [{ embedding: [1], quality: 1 }], { gamma: -1 }, 'invalid-option'],
  ] as const)('%s is refused', (_, given, options, code) => {
    expect(() => poolEmbeddings(given, options)).toThrow(expect.objectContaining({ code }))
  })
})
