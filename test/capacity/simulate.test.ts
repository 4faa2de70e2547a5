import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CapacityProfile } from '../../src/capacity/profile.ts'
import { type Instance, type Outcome, type Probe, simulate } from '../../src/capacity/simulate.ts'
import { quantile } from '../../src/evaluation/quantile.ts'
import { seededRandom } from '../../src/evaluation/seeded-random.ts'
import { around, madeUpProfile } from './profile.ts'

function poisson(perSecond: number, seconds: number, uncertain = 0, seed = 'probes'): Probe[] {
  const random = seededRandom(seed)
  const probes: Probe[] = []
  const gap = () => (-Math.log(1 - random.uniform()) * 1000) / perSecond
  for (let at = gap(); at < seconds * 1000; at += gap()) probes.push({ at, uncertain: random.uniform() < uncertain })
  return probes
}

const play = (probes: Probe[], instance: Partial<Instance> = {}, profile: CapacityProfile = madeUpProfile()) =>
  simulate(probes, { cores: 1, workers: 1, ...instance }, profile, seededRandom('service').uniform)
const verdicts = (outcomes: readonly Outcome[]) => outcomes.filter(({ answer }) => answer === 'verdict')
/** Verdicts a second while the stream lasts. */
const rateOf = (outcomes: readonly Outcome[], seconds: number) =>
  verdicts(outcomes).filter(({ done }) => done <= 1000 * seconds).length / seconds
const waits = (outcomes: readonly Outcome[]) => outcomes.map(({ at, done }) => done - at).sort((a, b) => a - b)
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('against queueing theory', () => {
  test('one worker waits as Pollaczek and Khinchine say', () => {
    // Uniform service times of 20 to 60 ms at 70 % load: E[W] = λ E[S²] / (2 (1 − ρ)).
    const profile = madeUpProfile({ certainMs: around(40, 0.5) })
    const perSecond = 17.5
    const outcomes = play(poisson(perSecond, 2000), { maxQueue: 100_000, deadlineMs: 1e6 }, profile)
    const secondMoment = 40 ** 2 + 40 ** 2 / 12
    const expected = 40 + ((perSecond / 1000) * secondMoment) / (2 * (1 - 0.7))
    expect(mean(waits(outcomes))).toBeGreaterThan(0.92 * expected)
    expect(mean(waits(outcomes))).toBeLessThan(1.08 * expected)
  })

  test('two workers on two cores do twice as much, on one core no more than one', () => {
    const doneBy = (instance: Instance) => rateOf(play(poisson(200, 30), instance), 30)
    expect(doneBy({ cores: 1, workers: 1 })).toBeCloseTo(25, 0)
    expect(doneBy({ cores: 2, workers: 2 })).toBeCloseTo(50, 0)
    expect(doneBy({ cores: 1, workers: 2 })).toBeCloseTo(25, 0)
  })

  test('crowded cores, the main thread and a neighbour take what they take', () => {
    const doneBy = (profile: Partial<CapacityProfile>, besideMs = 0) =>
      rateOf(play(poisson(100, 30), { cores: 2, workers: 2, besideMs }, madeUpProfile(profile)), 30)
    expect(doneBy({ crowding: 1.25 })).toBeCloseTo(40, 0)
    // A hundred times 4 ms a second are a fifth of the two cores.
    expect(doneBy({}, 4)).toBeGreaterThan(38)
    expect(doneBy({}, 4)).toBeLessThan(42.5)
    expect(doneBy({ mainMs: { photo: 4, shed: 4 } })).toBeLessThan(42.5)
  })
})

describe('the gate under load', () => {
  test.each([
    [40, 0.2],
    // With these the queue's default length is as long as the deadline.
    [60, 0.2],
    [60, 0.9],
    [90, 0.5],
  ])('of %i ms ± %f keeps its goodput at three times its capacity', (meanMs, share) => {
    for (const workers of [1, 2]) {
      const profile = madeUpProfile({ certainMs: around(meanMs, share) })
      const capacity = (1000 * workers) / meanMs
      const good = [1, 2, 3].map((times) =>
        rateOf(play(poisson(times * capacity, 60), { cores: workers, workers }, profile), 60),
      )
      expect(Math.min(...good.slice(1))).toBeGreaterThan(0.9 * Math.max(...good))
      expect(Math.max(...good)).toBeGreaterThan(0.9 * capacity)
    }
  })

  test('answers no verdict after its deadline, and few of those it let in get none', () => {
    const outcomes = play(poisson(60, 120), {}, madeUpProfile({ certainMs: around(60, 0.9) }))
    expect(waits(verdicts(outcomes)).at(-1)).toBeLessThanOrEqual(2000)
    const late = outcomes.filter(({ answer }) => answer === 'late').length
    expect(late).toBeLessThan(0.1 * verdicts(outcomes).length)
    expect(outcomes.filter(({ answer }) => answer === 'shed').length).toBeGreaterThan(1000)
  })

  test('leaves second looks out before it refuses photos', () => {
    const some = play(poisson(4, 300, 0.5), { cores: 2, workers: 2 })
    expect(some.every(({ answer }) => answer === 'verdict')).toBe(true)
    expect(some.filter(({ second }) => second === 'skipped').length).toBeLessThan(0.01 * some.length)
    const many = play(poisson(40, 60, 1), { cores: 2, workers: 2 })
    expect(many.filter(({ second }) => second === 'skipped').length).toBeGreaterThan(0.5 * many.length)
    expect(many.filter(({ answer }) => answer !== 'verdict').length).toBeLessThan(0.02 * many.length)
  })

  test('holds second looks to its budget', () => {
    const outcomes = play(poisson(4, 300, 1), { cores: 4, workers: 4, escalationBudget: 0.15 })
    const done = outcomes.filter(({ second }) => second === 'done').length
    expect(done).toBeLessThanOrEqual(10 + 0.15 * outcomes.length)
    expect(done).toBeGreaterThan(0.13 * outcomes.length)
    const none = play(poisson(4, 60, 1), { escalationBudget: 0 })
    expect(none.every(({ second }) => second === 'skipped')).toBe(true)
  })
})

test('every probe is answered exactly once, at an instant not before it came, and the same every time', () => {
  fc.assert(
    fc.property(
      fc.record({
        perSecond: fc.integer({ min: 1, max: 200 }),
        uncertain: fc.double({ min: 0, max: 1, noNaN: true }),
        cores: fc.integer({ min: 1, max: 4 }),
        workers: fc.integer({ min: 1, max: 4 }),
        maxQueue: fc.integer({ min: 0, max: 40 }),
        deadlineMs: fc.integer({ min: 1, max: 3000 }),
        escalationBudget: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      ({ perSecond, uncertain, ...instance }) => {
        const probes = poisson(perSecond, 3, uncertain)
        const outcomes = play(probes, instance)
        const byArrival = (a: number, b: number) => a - b
        expect(outcomes.map(({ at }) => at).sort(byArrival)).toEqual(probes.map(({ at }) => at))
        expect(outcomes.every(({ at, done }) => done >= at && done - at <= instance.deadlineMs + 1e-6)).toBe(true)
        expect(play(probes, instance)).toEqual(outcomes)
      },
    ),
    { numRuns: 30 },
  )
})

test('half of the answers of an idle gate take the median service time', () => {
  const outcomes = play(poisson(0.5, 1000))
  expect(quantile(waits(outcomes), 0.5)).toBeCloseTo(40, 0)
})
