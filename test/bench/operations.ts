import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Purpose } from '../../src/inference/manifest.ts'
import { createMetrics } from '../../src/metrics/create-metrics.ts'
import { expose } from '../../src/metrics/exposition.ts'
import type { OpenTelemetry } from '../../src/metrics/open-telemetry.ts'
import { verdictOf } from '../fixtures/probes.ts'
import { type ScriptedGate, scriptedGate } from '../fixtures/scripted-gate.ts'
import { familyOf, samplesOf } from '../metrics/series.ts'
import { tellEverything } from '../metrics/tell-everything.ts'
import { type Figure, figure, time } from './statistics.ts'

const BATCH = 1000

const VERDICTS = { probe: verdictOf(), enrolment: verdictOf({ purpose: 'enrolment' }) }

const request = (gate: ScriptedGate, purpose: Purpose = 'probe', group?: string): void => {
  gate.emit('verdict', { verdict: VERDICTS[purpose], ...(group !== undefined && { group }) })
  gate.emit('assessed', { outcome: 'accept', totalMs: 40, faces: 1, purpose })
}

/** As an active, sampled trace looks to the metrics. */
const traced = {
  trace: {
    getActiveSpan: () => ({ spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }) }),
  },
} as unknown as OpenTelemetry

/** Processor time: other work on the machine counts less than with a clock. */
function recording(name: string, rounds: number, openTelemetry?: OpenTelemetry): Figure {
  const gate = scriptedGate()
  createMetrics(gate, openTelemetry ? { openTelemetry } : {})
  const batch = (): number => {
    const before = process.cpuUsage()
    for (let i = 0; i < BATCH; i++) request(gate)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / BATCH
  }
  batch()
  return figure(name, Array.from({ length: rounds }, batch), 'µs')
}

/** What counting costs, how much there is to scrape, and how much script the console's page loads. */
export async function operationFigures(rounds: number): Promise<Figure[]> {
  const gate = scriptedGate()
  const groups = Array.from({ length: 16 }, (_, i) => `group-${i}`)
  const { register } = createMetrics(gate, { matcherName: 'human' })
  const count = (text: string): number => samplesOf(text).length
  const text = (): Promise<string> => register.metrics()
  const atStart = count(await text())
  tellEverything(gate)
  const usual = await text()
  const families = new Map<string, number>()
  for (const { name } of samplesOf(usual)) families.set(familyOf(name), (families.get(familyOf(name)) ?? 0) + 1)
  request(gate, 'enrolment')
  const both = count(await text())

  const grouped = scriptedGate()
  const { register: withGroups } = createMetrics(grouped, { matcherName: 'human', groups })
  for (const purpose of ['probe', 'enrolment'] as const)
    for (const group of [...groups, 'none of them']) request(grouped, purpose, group)
  const script = readFileSync(new URL('../../dist/console/app.js', import.meta.url))
  return [
    recording('metrics: a request recorded, processor time', rounds),
    recording('metrics: a request recorded with exemplars, processor time', rounds, traced),
    await time('metrics: /metrics written', rounds, text),
    await time('metrics: /metrics written, OpenMetrics', rounds, () => expose(register, true)),
    figure('metrics: size of /metrics', [usual.length / 1000], 'kB'),
    figure('metrics: series at the start', [atStart], 'series'),
    figure('metrics: series with everything a probe can cause, one matcher', [count(usual)], 'series'),
    figure('metrics: of them in the largest family', [Math.max(...families.values())], 'series'),
    figure('metrics: series with enrolments too', [both], 'series'),
    figure('metrics: series with 16 groups, both purposes', [count(await withGroups.metrics())], 'series'),
    figure('console: script, gzip', [gzipSync(script, { level: 9 }).length / 1000], 'kB'),
  ]
}
