import { describe, expect, it } from 'vitest'
import { guard } from '../../src/adapters/guard.ts'
import { createMetrics, type MetricsOptions } from '../../src/metrics/create-metrics.ts'
import { verdictOf } from '../fixtures/probes.ts'
import { type ScriptedGate, scriptedGate } from '../fixtures/scripted-gate.ts'
import { type Sample, scrape, seriesOf, sum } from './series.ts'

const matcherNamed = (name: string) => ({
  name,
  scale: { direction: 'similarity' as const, min: 0, max: 1, impostorMean: 0.2, defaultThreshold: 0.5 },
  identify: async () => [],
})

const matchersOf = (samples: readonly Sample[], name: string): string[] => [
  ...new Set(samples.filter((sample) => sample.name === name).map(({ labels }) => labels.matcher as string)),
]

const tell = (gate: ScriptedGate, group?: string): void =>
  gate.emit('verdict', { verdict: verdictOf(), ...(group !== undefined && { group }) })

describe('the label matcher', () => {
  it.each(['before', 'after'])("is the guarded adapter's name, guarded %s the metrics are made", async (when) => {
    const gate = scriptedGate()
    if (when === 'before') guard(matcherNamed('acme'), gate)
    const { register } = createMetrics(gate)
    if (when === 'after') guard(matcherNamed('acme'), gate)
    const atStart = await scrape(register)
    tell(gate)
    gate.emit('refusal', { reason: 'no_face', code: 'no-face', purpose: 'probe', mode: 'enforce' })
    gate.emit('withheld', { purpose: 'probe' })
    const samples = await scrape(register)
    for (const name of ['verdicts_total', 'rejections_total', 'degraded_total', 'score_count', 'matcher_calls_total'])
      expect([name, matchersOf(samples, `diffiqa_${name}`)]).toEqual([name, ['acme']])
    expect(sum(samples, 'diffiqa_matcher_calls_total', { operation: 'identify', outcome: 'withheld' })).toBe(1)
    expect(seriesOf(samples)).toEqual(seriesOf(atStart))
  })

  it('is default for verdicts where there are two matchers; calls have their names', async () => {
    const gate = scriptedGate()
    guard(matcherNamed('acme'), gate)
    guard(matcherNamed('other-sdk'), gate)
    const { register } = createMetrics(gate)
    tell(gate)
    const samples = await scrape(register)
    expect(matchersOf(samples, 'diffiqa_verdicts_total')).toEqual(['default'])
    expect(matchersOf(samples, 'diffiqa_matcher_calls_total').toSorted()).toEqual(['acme', 'other-sdk'])
  })

  it('does not change once a photo was counted', async () => {
    const gate = scriptedGate()
    const { register } = createMetrics(gate)
    tell(gate)
    guard(matcherNamed('acme'), gate)
    tell(gate)
    const samples = await scrape(register)
    expect(matchersOf(samples, 'diffiqa_verdicts_total')).toEqual(['default'])
    expect(sum(samples, 'diffiqa_verdicts_total')).toBe(2)
  })

  it('is the name that the application gives, for everything', async () => {
    const gate = scriptedGate()
    guard(matcherNamed('acme'), gate)
    guard(matcherNamed('other-sdk'), gate)
    const { register } = createMetrics(gate, { matcherName: 'door' })
    tell(gate)
    expect([...new Set((await scrape(register)).map(({ labels }) => labels.matcher).filter(Boolean))]).toEqual(['door'])
  })
})

describe('the label group', () => {
  const grouped = (options: MetricsOptions = { groups: ['kiosk', 'phone'] }) => {
    const gate = scriptedGate()
    return { gate, ...createMetrics(gate, options) }
  }

  it('is not there by default, whatever the verdict says', async () => {
    const { gate, register } = grouped({})
    tell(gate, 'kiosk')
    expect((await scrape(register)).some(({ labels }) => 'group' in labels)).toBe(false)
  })

  it('counts unknown groups, and none, as other', async () => {
    const { gate, register } = grouped()
    for (const group of ['kiosk', 'kiosk', 'phone', 'hostile', undefined]) tell(gate, group)
    const samples = await scrape(register)
    const counts = ['kiosk', 'phone', 'other'].map((group) => sum(samples, 'diffiqa_verdicts_total', { group }))
    expect(counts).toEqual([2, 1, 2])
    expect(sum(samples, 'diffiqa_score_count', { group: 'kiosk' })).toBe(2)
    expect(new Set(samples.map(({ labels }) => labels.group))).toEqual(new Set([undefined, 'kiosk', 'phone', 'other']))
  })

  it('starts at 0 for every group, and 16 groups start with little more than a hundred series of verdicts', async () => {
    const { register } = grouped({ groups: Array.from({ length: 16 }, (_, i) => `g${i}`) })
    const verdicts = (await scrape(register)).filter(({ name }) => name === 'diffiqa_verdicts_total')
    expect(verdicts).toHaveLength(17 * 2 * 3)
    expect(sum(verdicts, 'diffiqa_verdicts_total')).toBe(0)
  })
})
