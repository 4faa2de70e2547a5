import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkOverrides, judge, namedPolicy, overridePolicy, type Policy } from '../../src/gate/policy.ts'
import type { ThresholdSet } from '../../src/inference/manifest.ts'
import { testManifest } from '../quality/stand-ins.ts'

const unit = fc.double({ min: 0, max: 1, noNaN: true })
const thresholdSets = fc.tuple(unit, unit, fc.double({ min: 0.01, max: 1, noNaN: true })).map(
  ([a, b, minWeight]): ThresholdSet => ({
    rejectBelow: Math.min(a, b),
    acceptFrom: Math.max(a, b),
    minWeight,
  }),
)
const RANK = { reject: 0, 'down-weight': 1, accept: 2 }

const { scoring } = testManifest()
const balanced = namedPolicy(scoring, 'balanced')

describe('judge', () => {
  test('a better value never gets a worse decision or a lower weight', () => {
    fc.assert(
      fc.property(thresholdSets, unit, unit, (set, a, b) => {
        const [low, high] = [judge(Math.min(a, b), set), judge(Math.max(a, b), set)]
        expect(RANK[high.decision]).toBeGreaterThanOrEqual(RANK[low.decision])
        expect(high.weight).toBeGreaterThanOrEqual(low.weight)
      }),
    )
  })

  test('weights: 0 for reject, 1 for accept, from minWeight to 1 between', () => {
    fc.assert(
      fc.property(thresholdSets, unit, (set, value) => {
        const { decision, weight } = judge(value, set)
        if (decision === 'reject') expect(weight).toBe(0)
        else if (decision === 'accept') expect(weight).toBe(1)
        else {
          expect(weight).toBeGreaterThanOrEqual(set.minWeight)
          expect(weight).toBeLessThanOrEqual(1)
        }
      }),
    )
  })

  test('the thresholds themselves belong to the better side', () => {
    const set = { rejectBelow: 0.3, acceptFrom: 0.6, minWeight: 0.5 }
    expect(judge(0.3, set)).toEqual({ decision: 'down-weight', weight: 0.5 })
    expect(judge(0.45, set).weight).toBeCloseTo(0.75)
    expect(judge(0.6, set)).toEqual({ decision: 'accept', weight: 1 })
    expect(judge(0.29999, set)).toEqual({ decision: 'reject', weight: 0 })
  })

  test('equal thresholds leave nothing between, and NaN is rejected', () => {
    const set = { rejectBelow: 0.5, acceptFrom: 0.5, minWeight: 0.5 }
    expect(judge(0.5, set).decision).toBe('accept')
    expect(judge(Number.NaN, set).decision).toBe('reject')
  })
})

describe('policies', () => {
  test('a named policy is the manifest’s, frozen', () => {
    expect(balanced).toEqual({ name: 'balanced', thresholds: scoring.thresholds.balanced })
    expect(Object.isFrozen(balanced.thresholds.probe)).toBe(true)
  })

  test('overrides change single numbers and the name', () => {
    const changed = overridePolicy(balanced, { probe: { rejectBelow: 0.1 } })
    expect(changed.name).toBe('custom')
    expect(changed.thresholds.probe).toEqual({ ...balanced.thresholds.probe, rejectBelow: 0.1 })
    expect(changed.thresholds.enrolment).toEqual(balanced.thresholds.enrolment)
    expect(overridePolicy(balanced, { probe: {} }).name).toBe('balanced')
  })

  test.each<[string, () => Policy | undefined, string]>([
    ['an unknown policy', () => namedPolicy(scoring, 'harsh' as never), 'policy'],
    [
      'contradicting thresholds',
      () => overridePolicy(balanced, { probe: { rejectBelow: 0.9 } }),
      'thresholds.probe.rejectBelow',
    ],
    [
      'contradicting thresholds',
      () => overridePolicy(balanced, { enrolment: { acceptFrom: 0.1 } }),
      'thresholds.enrolment.acceptFrom',
    ],
    ['a weight of 0', () => overridePolicy(balanced, { probe: { minWeight: 0 } }), 'thresholds.probe.minWeight'],
    ['a number above 1', () => overridePolicy(balanced, { probe: { acceptFrom: 80 } }), 'thresholds.probe.acceptFrom'],
    ['NaN', () => overridePolicy(balanced, { probe: { acceptFrom: Number.NaN } }), 'thresholds.probe.acceptFrom'],
    ['an unknown purpose', () => void checkOverrides({ probes: {} }), 'thresholds.probes'],
    ['an unknown number', () => void checkOverrides({ probe: { rejectBelo: 0.1 } }), 'thresholds.probe.rejectBelo'],
  ])('%s is refused by name', (_, act, option) => {
    expect(act).toThrow(expect.objectContaining({ code: 'invalid-option', details: { option } }))
  })
})
