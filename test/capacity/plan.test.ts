import { describe, expect, test } from 'vitest'
import { type Goal, planFor } from '../../src/capacity/plan.ts'
import { isDiffiqaError } from '../../src/errors.ts'
import { around, madeUpProfile } from './profile.ts'

const goal = (changes: Partial<Goal> = {}): Goal => ({
  rps: 2000,
  p99Ms: 200,
  escalation: 0,
  cores: 2,
  spare: 0,
  ...changes,
})

describe('a plan', () => {
  const profile = madeUpProfile()

  test('meets its goal, and with one instance less it would not', () => {
    const plan = planFor(goal(), profile)
    expect(plan.usual.p99Ms).toBeLessThanOrEqual(200)
    expect(plan.usual.refused).toBeLessThanOrEqual(0.001)
    expect(plan.usual.rate).toBeCloseTo(2000 / plan.instances)
    // Two workers of 40 ms do 50 a second at most.
    expect(plan.instances).toBeGreaterThan(40)
    expect(plan.instances).toBeLessThan(70)
    expect(planFor(goal({ rps: (2000 * (plan.instances + 1)) / plan.instances }), profile).instances).toBe(
      plan.instances + 1,
    )
  })

  test('sums cores, memory and network up', () => {
    const { instances, cores, memoryMb, networkMbit } = planFor(goal({ cores: 4 }), profile)
    expect(cores).toBe(4 * instances)
    expect(memoryMb).toBe(instances * (150 + 4 * 200))
    expect(networkMbit).toBeCloseTo(1024)
  })

  test('needs more for more probes, less time, more second looks, slower networks', () => {
    const of = (changes: Partial<Goal>, fastMs = 40) =>
      planFor(goal(changes), madeUpProfile({ certainMs: around(fastMs, 0.2) })).instances
    const plain = of({})
    expect(of({ rps: 4000 })).toBeGreaterThan(1.9 * plain)
    expect(of({ p99Ms: 100 })).toBeGreaterThan(plain)
    expect(of({ p99Ms: 400, escalation: 0.1 })).toBeGreaterThan(of({ p99Ms: 400 }))
    expect(of({}, 60)).toBeGreaterThan(1.3 * plain)
  })

  test('meets its goal with the spare ones gone, and says what each does', () => {
    const [none, two] = [planFor(goal(), profile), planFor(goal({ spare: 2 }), profile)]
    expect(two.instances).toBe(none.instances + 2)
    expect(two.worst.rate).toBeCloseTo(none.usual.rate)
    expect(two.usual.rate).toBeLessThan(two.worst.rate)
    expect(two.worst.p99Ms).toBeLessThanOrEqual(200)
  })

  test('tells what second looks cost', () => {
    const plan = planFor(goal({ escalation: 0.1, p99Ms: 400 }), profile)
    const { instances, cores, memoryMb } = planFor(goal({ p99Ms: 400 }), profile)
    expect(plan.withoutSecondLooks).toEqual({ instances, cores, memoryMb })
    expect(plan.instances).toBeGreaterThan(instances)
    expect(plan.usual.skipped).toBeLessThanOrEqual(0.01)
    expect(planFor(goal(), profile).withoutSecondLooks).toBeUndefined()
  })

  test('of hardly any probes is one instance', () => {
    // Years of simulated time, where a clock in milliseconds has few digits left behind the point.
    for (const rps of [0.01, 1e-6]) expect(planFor(goal({ rps }), profile).instances).toBe(1)
  })
})

test.each([
  [goal({ p99Ms: 40 }), /hardly anything to do has a p99 of \d+ ms/],
  [goal({ p99Ms: 120, escalation: 0.5 }), /p99 of 1\d\d ms/],
])('what no number of instances can do is impossible', (wanted, message) => {
  let error: unknown
  try {
    planFor(wanted, madeUpProfile())
  } catch (thrown) {
    error = thrown
  }
  expect(isDiffiqaError(error) && error.code).toBe('plan-impossible')
  expect((error as Error).message).toMatch(message)
})
