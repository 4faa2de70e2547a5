import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EscalationBudget } from '../../src/gate/budget.ts'

describe('EscalationBudget', () => {
  test('never spends more than the burst and the share of the faces', () => {
    const traffic = fc.array(fc.oneof(fc.nat(5), fc.constant('take' as const)), { maxLength: 300 })
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(20), traffic, (share, burst, steps) => {
        const budget = new EscalationBudget(share, burst)
        let [faces, taken] = [0, 0]
        for (const step of steps) {
          if (step === 'take') taken += budget.take() ? 1 : 0
          else {
            budget.earn(step)
            faces += step
          }
          expect(taken).toBeLessThanOrEqual(burst + share * faces + 1e-6)
        }
      }),
    )
  })

  test('is spent to the share when every face asks', () => {
    const budget = new EscalationBudget(0.1, 1)
    let taken = 0
    for (let face = 0; face < 1000; face++) {
      budget.earn()
      if (budget.take()) taken++
    }
    expect(taken).toBeGreaterThanOrEqual(99)
    expect(taken).toBeLessThanOrEqual(101)
  })

  test('0 forbids, 1 always allows', () => {
    expect(new EscalationBudget(0).available).toBe(false)
    const always = new EscalationBudget(1)
    for (let face = 0; face < 100; face++) {
      always.earn()
      expect(always.take()).toBe(true)
    }
  })

  test('quiet times are saved up to the burst only', () => {
    const budget = new EscalationBudget(0.5, 3)
    budget.earn(1000)
    expect([budget.take(), budget.take(), budget.take(), budget.take()]).toEqual([true, true, true, false])
  })
})
