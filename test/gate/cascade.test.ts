import fc from 'fast-check'
import { expect, test } from 'vitest'
import { doubtAbout } from '../../src/gate/cascade.ts'

const thresholds = { rejectBelow: 0.3, acceptFrom: 0.6 }
const caps = { z: 1, hopelessBelow: 0.05, residualCap: 6 }

test.each([
  ['far above both thresholds', 0.9, 0.1, 1, undefined],
  ['beyond hope', 0.04, 0.1, 1, undefined],
  ['as good as hopeless', 0.05, 0.1, 1, 'refusal'],
  ['to be refused, away from the threshold', 0.1, 0.1, 1, 'refusal'],
  ['between, away from both', 0.45, 0.1, 1, undefined],
  ['just above acceptance', 0.65, 0.1, 1, 'threshold'],
  ['just below acceptance', 0.55, 0.1, 1, 'threshold'],
  ['just above rejection', 0.35, 0.1, 1, 'threshold'],
  ['just below rejection', 0.25, 0.1, 1, 'threshold'],
  ['exactly z sigma away', 0.85, 0.25, 1, 'threshold'],
  ['on a threshold without any sigma', 0.6, 0, 1, 'threshold'],
  ['an unsure regressor, good enough all the same', 0.99, 0.26, 1, undefined],
  ['a crop unlike the training data', 0.9, 0.1, 6.1, 'residual'],
] as const)('%s', (_, value, sigma, residual, doubt) => {
  expect(doubtAbout({ value, sigma }, residual, thresholds, caps)).toBe(doubt)
})

test('more sigma, a larger z or a worse fit never remove a doubt', () => {
  const unit = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(unit, unit, fc.double({ min: 0, max: 10, noNaN: true }), unit, (value, sigma, residual, more) => {
      if (doubtAbout({ value, sigma }, residual, thresholds, caps) === undefined) return
      expect(
        doubtAbout({ value, sigma: sigma + more }, residual + more, thresholds, { ...caps, z: 1 + more }),
      ).toBeDefined()
    }),
  )
})

test('with z = 0 a value that is a threshold is certain: where the calibration is flat many photos have the same value', () => {
  const thresholds = { rejectBelow: 0.3, acceptFrom: 0.6 }
  expect(doubtAbout({ value: 0.6, sigma: 0.1 }, 1, thresholds, { ...caps, z: 0 })).toBeUndefined()
  expect(doubtAbout({ value: 0.6, sigma: 0.1 }, 1, thresholds, caps)).toBe('threshold')
})
