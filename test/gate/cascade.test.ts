import fc from 'fast-check'
import { expect, test } from 'vitest'
import { doubtAbout } from '../../src/gate/cascade.ts'

const thresholds = { acceptFrom: 0.6 }
const caps = { residualCap: 6 }

test.each([
  ['to be accepted', 0.9, 1, undefined],
  ['just to be accepted', 0.6, 6, undefined],
  ['to be down-weighted or refused', 0.59, 1, 'acceptance'],
  ['hopeless', 0, 1, 'acceptance'],
  ['a crop unlike the training data', 0.9, 6.1, 'residual'],
  ['such a crop, and to be refused', 0.1, 6.1, 'residual'],
] as const)('%s', (_, value, residual, doubt) => {
  expect(doubtAbout({ value }, residual, thresholds, caps)).toBe(doubt)
})

test('a lower value or a worse fit never remove a doubt', () => {
  const unit = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(unit, fc.double({ min: 0, max: 10, noNaN: true }), unit, (value, residual, more) => {
      if (doubtAbout({ value }, residual, thresholds, caps) === undefined) return
      expect(doubtAbout({ value: value - more }, residual + more, thresholds, caps)).toBeDefined()
    }),
  )
})
