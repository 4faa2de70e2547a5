import { readFileSync } from 'node:fs'
import { Counter, collectDefaultMetrics, register as globalRegister, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { createMetrics } from '../../src/metrics/create-metrics.ts'
import { LABELS } from '../../src/metrics/labels.ts'
import { verdictOf } from '../fixtures/probes.ts'
import { scriptedGate } from '../fixtures/scripted-gate.ts'
import { familyOf, scrape, seriesOf, sum } from './series.ts'
import { tellEverything } from './tell-everything.ts'

describe('the series of a gate', () => {
  it('start at 0', async () => {
    const { register } = createMetrics(scriptedGate())
    const samples = await scrape(register)
    const counted = samples.filter(({ name }) => /_total$|_count$|_sum$|_bucket$/.test(name))
    expect(counted.length).toBeGreaterThan(200)
    expect(counted.filter(({ value }) => value !== 0)).toEqual([])
  })

  it('keep to the budgets: 100 a family, 400 in all, 100 kB', async () => {
    const gate = scriptedGate()
    const { register } = createMetrics(gate, { matcherName: 'human' })
    tellEverything(gate)
    const samples = await scrape(register)
    const families = new Map<string, number>()
    for (const { name } of samples) families.set(familyOf(name), (families.get(familyOf(name)) ?? 0) + 1)
    for (const [family, length] of families)
      expect(`${family} ${length <= 100 ? 'fits' : length}`).toBe(`${family} fits`)
    expect(samples.length).toBeLessThanOrEqual(400)
    expect((await register.metrics()).length).toBeLessThan(100_000)
  })

  it('have only label values of the closed sets', async () => {
    const gate = scriptedGate()
    const { register } = createMetrics(gate)
    tellEverything(gate)
    const open = new Set(['le', 'up_to', 'matcher', 'version', 'model_sha256', 'preset', 'model'])
    const allowed = new Set<string>(Object.values(LABELS).flat())
    for (const { labels } of await scrape(register))
      for (const [label, value] of Object.entries(labels)) if (!open.has(label)) expect(allowed).toContain(value)
  })

  it('cost little to record, and little to write', async () => {
    const gate = scriptedGate()
    const { register } = createMetrics(gate)
    const verdict = verdictOf()
    const record = (count: number): void => {
      for (let i = 0; i < count; i++) {
        gate.emit('verdict', { verdict })
        gate.emit('assessed', { outcome: 'accept', totalMs: 40, faces: 1, purpose: 'probe' })
      }
    }
    // Processor time, and the best of several rounds: other work on the machine only ever makes it slower.
    const cheapest = async (work: () => unknown): Promise<number> => {
      await work()
      const microseconds: number[] = []
      for (let round = 0; round < 8; round++) {
        const before = process.cpuUsage()
        await work()
        const { user, system } = process.cpuUsage(before)
        microseconds.push(user + system)
      }
      return Math.min(...microseconds)
    }
    expect(await cheapest(() => record(1000))).toBeLessThan(20 * 1000)
    expect(await cheapest(() => register.metrics())).toBeLessThan(50_000)
  })

  it('say what runs', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    const gate = scriptedGate()
    const [info] = (await scrape(createMetrics(gate).register)).filter(({ name }) => name === 'diffiqa_build_info')
    expect(info).toMatchObject({ value: 1, labels: { version, model: gate.manifest.modelVersion, preset: 'tuned' } })
    expect(gate.manifest.models.regressor.sha256.startsWith(info?.labels.model_sha256 as string)).toBe(true)
    expect(info?.labels.model_sha256).toHaveLength(12)
  })
})

describe('registering', () => {
  it('never touches the global register', () => {
    const before = globalRegister.getMetricsAsArray().length
    createMetrics(scriptedGate())
    expect(globalRegister.getMetricsAsArray().length).toBe(before)
  })

  it('twice for one gate counts once', async () => {
    const gate = scriptedGate()
    const [first, second] = [createMetrics(gate), createMetrics(gate)]
    expect(second).toBe(first)
    gate.emit('shed', { reason: 'deadline' })
    expect(sum(await scrape(first.register), 'diffiqa_shed_total')).toBe(1)
  })

  it('two gates on registers of their own work side by side', async () => {
    const [one, two] = [scriptedGate(), scriptedGate()]
    const [first, second] = [createMetrics(one), createMetrics(two)]
    one.emit('shed', { reason: 'deadline' })
    expect(sum(await scrape(first.register), 'diffiqa_shed_total')).toBe(1)
    expect(sum(await scrape(second.register), 'diffiqa_shed_total')).toBe(0)
  })

  it('two open gates on one register: an error that names the prefix, and it works with one', async () => {
    const register = new Registry()
    createMetrics(scriptedGate(), { register })
    const two = scriptedGate()
    expect(() => createMetrics(two, { register })).toThrow(
      expect.objectContaining({ code: 'metrics-conflict', message: expect.stringContaining('prefix') }),
    )
    createMetrics(two, { register, prefix: 'second_' })
    two.emit('shed', { reason: 'deadline' })
    const samples = await scrape(register)
    expect([sum(samples, 'diffiqa_shed_total'), sum(samples, 'second_shed_total')]).toEqual([0, 1])
  })

  it('create, close, create: the new gate goes on in the same series', async () => {
    const register = new Registry()
    const one = scriptedGate()
    const first = createMetrics(one, { register })
    one.emit('shed', { reason: 'deadline' })
    const series = seriesOf(await scrape(register))
    await one.close()
    const two = scriptedGate()
    expect(createMetrics(two, { register })).toBe(first)
    two.emit('shed', { reason: 'deadline' })
    one.emit('shed', { reason: 'deadline' })
    two.statistics = { ...two.statistics, cacheEntries: 7 }
    const samples = await scrape(register)
    expect(sum(samples, 'diffiqa_shed_total')).toBe(2)
    expect(sum(samples, 'diffiqa_cache_entries')).toBe(7)
    expect(seriesOf(samples)).toEqual(series)
  })

  it.each(['before', 'after'])(
    'in a register that the application cleared %s the gate was closed: starts anew',
    async (when) => {
      const [register, one, two] = [new Registry(), scriptedGate(), scriptedGate()]
      createMetrics(one, { register })
      if (when === 'after') await one.close()
      register.clear()
      createMetrics(two, { register })
      one.emit('shed', { reason: 'deadline' })
      two.emit('shed', { reason: 'deadline' })
      expect(sum(await scrape(register), 'diffiqa_shed_total')).toBe(1)
      if (when === 'before') await one.close()
      expect(createMetrics(two, { register }).register).toBe(register)
      expect(sum(await scrape(register), 'diffiqa_shed_total')).toBe(1)
    },
  )

  it('of a register that was cleared, stop() leaves alone what others put there since', () => {
    const register = new Registry()
    const metrics = createMetrics(scriptedGate(), { register })
    register.clear()
    new Counter({ name: 'diffiqa_shed_total', help: 'not ours', registers: [register] })
    metrics.stop()
    expect(register.getMetricsAsArray().map(({ name }) => name)).toEqual(['diffiqa_shed_total'])
  })

  it('works when the module is loaded a second time', async () => {
    const again: typeof import('../../src/metrics/create-metrics.ts') = await import(
      '../../src/metrics/create-metrics.ts?v=2' as string
    )
    expect(again.createMetrics).not.toBe(createMetrics)
    const [register, gate] = [new Registry(), scriptedGate()]
    createMetrics(gate, { register })
    again.createMetrics(gate, { register })
    gate.emit('shed', { reason: 'deadline' })
    expect(sum(await scrape(register), 'diffiqa_shed_total')).toBe(1)
    expect(() => again.createMetrics(scriptedGate())).not.toThrow()
    expect(() => again.createMetrics(scriptedGate(), { register })).toThrow(/prefix/)
  })

  it('beside the default metrics of the application works', async () => {
    const register = new Registry()
    collectDefaultMetrics({ register })
    createMetrics(scriptedGate(), { register })
    const text = await register.metrics()
    expect(text).toContain('process_cpu_seconds_total')
    expect(text).toContain('diffiqa_verdicts_total')
  })

  it('a name that something else has: an error, and nothing is left behind', () => {
    const register = new Registry()
    new Counter({ name: 'diffiqa_shed_total', help: 'not ours', registers: [register] })
    expect(() => createMetrics(scriptedGate(), { register })).toThrow(
      expect.objectContaining({ code: 'metrics-conflict' }),
    )
    expect(register.getMetricsAsArray().map(({ name }) => name)).toEqual(['diffiqa_shed_total'])
  })

  it('stop() takes the series out, and they can be made again', async () => {
    const [register, gate] = [new Registry(), scriptedGate()]
    const metrics = createMetrics(gate, { register })
    metrics.stop()
    expect(register.getMetricsAsArray()).toEqual([])
    expect(createMetrics(gate, { register })).not.toBe(metrics)
    gate.emit('shed', { reason: 'deadline' })
    expect(sum(await scrape(register), 'diffiqa_shed_total')).toBe(1)
  })

  it.each([
    [{ prefix: '1bad' }, 'prefix'],
    [{ prefix: '' }, 'prefix'],
    [{ matcherName: 'a b' }, 'matcherName'],
    [{ registry: 1 }, 'registry'],
    [{ groups: [] }, 'groups'],
    [{ groups: ['a b'] }, 'groups'],
    [{ groups: 'kiosk' }, 'groups'],
    [{ groups: Array.from({ length: 17 }, (_, i) => `g${i}`) }, 'groups'],
    [{ openTelemetry: {} }, 'openTelemetry'],
  ])('refuses %j', (options, option) => {
    expect(() => createMetrics(scriptedGate(), options as never)).toThrow(
      expect.objectContaining({ code: 'invalid-option', details: { option } }),
    )
  })
})
