import { describe, expect, expectTypeOf, it } from 'vitest'
import { defineAdapter } from '../../src/adapters/define-adapter.ts'
import type { GalleryMatcher } from '../../src/adapters/embedding-matcher.ts'
import type { Guarded } from '../../src/adapters/guard-types.ts'
import type { Matcher, ScoreScale } from '../../src/adapters/matcher.ts'

const scale: ScoreScale = { direction: 'similarity', min: 0, max: 100, impostorMean: 12, defaultThreshold: 80 }
const remove = async (): Promise<void> => {}

describe('defineAdapter', () => {
  it('gives back the same object, class instances included', () => {
    class Acme {
      readonly name = 'acme'
      readonly scale = scale
      async remove(): Promise<void> {}
    }
    const acme = new Acme()
    expect(defineAdapter(acme)).toBe(acme)
  })

  it('knows in its type which methods there are', () => {
    const adapter = defineAdapter({
      name: 'acme',
      scale,
      async identify(probe, { limit, signal }) {
        expectTypeOf(probe.photo).toEqualTypeOf<Uint8Array>()
        expectTypeOf(limit).toEqualTypeOf<number>()
        expectTypeOf(signal).toEqualTypeOf<AbortSignal | undefined>()
        return [{ subject: 'ada', score: 90, source: null }]
      },
    })
    type G = Guarded<typeof adapter>
    expectTypeOf<G>().toHaveProperty('identify')
    expectTypeOf<G>().not.toHaveProperty('verify')
    expectTypeOf<G>().not.toHaveProperty('enrol')
    expectTypeOf<Guarded<GalleryMatcher>>().toHaveProperty('enrol').toBeFunction()
    expectTypeOf<Guarded<Matcher>['enrol']>().toBeNullable()
  })

  it.each([
    ['no object', null, 'adapter'],
    ['an empty name', { name: '', scale, remove }, 'name'],
    ['a name that is no label', { name: 'my matcher', scale, remove }, 'name'],
    ['a long name', { name: 'a'.repeat(65), scale, remove }, 'name'],
    ['no scale', { name: 'acme', remove }, 'scale'],
    ['an unknown direction', { name: 'acme', scale: { ...scale, direction: 'up' }, remove }, 'scale.direction'],
    ['an empty range', { name: 'acme', scale: { ...scale, min: 100 }, remove }, 'scale'],
    ['an endless minimum', { name: 'acme', scale: { ...scale, min: Number.NEGATIVE_INFINITY }, remove }, 'scale'],
    [
      'a threshold outside',
      { name: 'acme', scale: { ...scale, defaultThreshold: 101 }, remove },
      'scale.defaultThreshold',
    ],
    ['a missing mean', { name: 'acme', scale: { ...scale, impostorMean: undefined }, remove }, 'scale.impostorMean'],
    ['NaN for a mean', { name: 'acme', scale: { ...scale, impostorMean: Number.NaN }, remove }, 'scale.impostorMean'],
    [
      'a mean above the threshold',
      { name: 'acme', scale: { ...scale, impostorMean: 80 }, remove },
      'scale.impostorMean',
    ],
    [
      'a distance with its mean below the threshold',
      { name: 'acme', scale: { ...scale, direction: 'distance' }, remove },
      'scale.impostorMean',
    ],
    ['a method that is no function', { name: 'acme', scale, remove, enrol: true }, 'enrol'],
    ['no method at all', { name: 'acme', scale }, 'adapter'],
    ['a misspelt method only', { name: 'acme', scale, identfy: remove }, 'adapter'],
  ])('refuses %s and names the field', (_, adapter, option) => {
    expect(() => defineAdapter(adapter as Matcher)).toThrow(
      expect.objectContaining({ code: 'invalid-option', details: { option } }),
    )
  })

  it('takes distances without an upper end', () => {
    const distance = { direction: 'distance', min: 0, max: Infinity, impostorMean: 1.2, defaultThreshold: 0.6 } as const
    expect(defineAdapter({ name: 'acme', scale: distance, remove }).scale).toBe(distance)
  })
})
