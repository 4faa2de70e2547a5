import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { dashboards } from '../../monitoring/dashboards/all.ts'
import { runCli } from '../cli/run-cli.ts'
import { samplesOf } from '../metrics/series.ts'
import { filledIn, partsOf } from '../monitoring/promql.ts'
import { exampleTraffic } from './example-traffic.ts'
import { program } from './program.ts'
import { PrometheusServer, type Series } from './prometheus-server.ts'

const FOLDER = fileURLToPath(new URL('../../monitoring/prometheus/', import.meta.url))
/** Not synchronous: the example server lives in this process, and a scrape that times out makes every gauge stale. */
async function promtool(args: readonly string[], input = ''): Promise<string> {
  const running = promisify(execFile)(program('promtool', 'prometheus'), [...args], { cwd: FOLDER })
  running.child.stdin?.end(input)
  const { stdout, stderr } = await running
  return stdout + stderr
}

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
}
const rules: readonly Rule[] = parse(readFileSync(`${FOLDER}/rules.yml`, 'utf8')).groups.flatMap(
  ({ rules }: { rules: Rule[] }) => rules,
)

interface Example {
  readonly url: string
  close(): Promise<unknown>
}
let example: Example
let prometheus: PrometheusServer
let statuses: Readonly<Record<number, number>>

beforeAll(async () => {
  // Of the built package, which vitest's global setup builds.
  const server: { startServer(options: { port: number }): Promise<Example> } = await import(
    '../../examples/minimal-server/server.js' as string
  )
  example = await server.startServer({ port: 0 })
  prometheus = await PrometheusServer.open(new URL(example.url).host)
  const traffic = await exampleTraffic(example.url)
  await traffic.send(20)
  statuses = traffic.statuses
  // Rules are evaluated one after the other, and once more for those that read others.
  while ((await prometheus.query('diffiqa:score_drift:ks6h')).length < 2) await sleep(500)
}, 240_000)
afterAll(async () => {
  await prometheus?.[Symbol.asyncDispose]()
  await example?.close()
})

const isNumber = ({ value, values }: Series): boolean =>
  (values ?? (value ? [value] : [])).some(([, text]) => Number.isFinite(Number(text)))

describe('real photos through the example server', () => {
  it('get every verdict, and some are refused, some requests wrong', async () => {
    for (const status of [200, 201, 400, 422]) expect([status, statuses[status] ?? 0]).not.toEqual([status, 0])
    const verdicts = await prometheus.query('sum by (decision) (diffiqa_verdicts_total)')
    for (const { metric, value } of verdicts) expect([metric.decision, value?.[1]]).not.toEqual([metric.decision, '0'])
    expect(verdicts).toHaveLength(3)
  })

  it('give metrics that promtool finds nothing wrong with', async () => {
    const text = await (await fetch(`${example.url}/metrics`)).text()
    expect(await promtool(['check', 'metrics'], text)).toBe('')
    expect(text.length).toBeLessThan(100_000)
    // Probes alone keep to 400 (test/metrics); enrolments have histograms of their own.
    expect(samplesOf(text).length).toBeLessThanOrEqual(500)
  })
})

describe('the configuration', () => {
  it('promtool finds nothing wrong with it, nor with the rules', async () => {
    for (const name of readdirSync(FOLDER).filter((name) => name.startsWith('prometheus')))
      expect(await promtool(['check', 'config', name])).toContain('SUCCESS')
    expect(await promtool(['check', 'rules', '--lint=all', '--lint-fatal', 'rules.yml'])).toContain('SUCCESS')
  })

  it.each(readdirSync(FOLDER).filter((name) => name.endsWith('.test.yml')))(
    'the unit tests of the rules pass: %s',
    async (name) => {
      expect(await promtool(['test', 'rules', name])).toContain('SUCCESS')
    },
    300_000,
  )
})

describe('rules', () => {
  it('are all evaluated without an error', async () => {
    const states = await prometheus.rules()
    expect(states).toHaveLength(rules.length)
    expect(states.filter(({ health }) => health !== 'ok').map(({ name, lastError }) => [name, lastError])).toEqual([])
  })

  it.each(rules.filter(({ record }) => record))('$record records data ($labels)', async ({ record, labels = {} }) => {
    const matchers = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    const series = await prometheus.query(`${record}{${matchers}}`)
    expect(series.some(isNumber)).toBe(true)
  })

  it.each(rules.filter(({ alert }) => alert))('$alert looks at series that are there: $expr', async ({ expr }) => {
    for (const { text } of partsOf(expr).selectors)
      expect([text, (await prometheus.query(text)).length]).not.toEqual([text, 0])
  })

  it('raise no alarm about a gate that works', async () => {
    // Most of this traffic is bad photos on a busy machine: that may show; that something broke may not.
    const firing = await prometheus.query('ALERTS{alertstate="firing"}')
    const names = firing.map(({ metric }) => metric.alertname)
    expect(names.filter((name) => !/Latency|Reject/.test(name ?? ''))).toEqual([])
  })
})

interface Panel {
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}
const targets = Object.entries(dashboards()).flatMap(([name, text]) =>
  (JSON.parse(text).panels as Panel[]).flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ board: name, title, expr })),
  ),
)

describe('dashboards', () => {
  it.each(targets)('$board: $title has data: $expr', async ({ expr }) => {
    const series = await prometheus.query(filledIn(expr, { interval: '1m', range: '1h' }))
    expect(series.some(isNumber)).toBe(true)
  })
})

describe('express-diffiqa advise', () => {
  it('says what each threshold would have refused, from what Prometheus recorded', async () => {
    const args = ['advise', '--prometheus', prometheus.url, '--last', '10m', '--json']
    const { code, stdout, stderr } = await runCli(args)
    expect([code, stderr]).toEqual([0, ''])
    const advice = JSON.parse(stdout)
    const [now] = await prometheus.query('diffiqa_threshold{purpose="probe",bound="reject_below"}')
    expect(advice.rejectBelow).toBe(Number(now?.value?.[1]))
    expect(advice.judged).toBeGreaterThan(10)
    expect(advice.refusedAnyway).toBeGreaterThan(0)
    const shares = advice.scores.map(({ share }: { share: number }) => share)
    expect(shares).toEqual(shares.toSorted((a: number, b: number) => a - b))
    // At the threshold in force, it says what was rejected.
    const at = advice.scores.find(({ upTo }: { upTo: number }) => upTo === advice.rejectBelow)
    const [rejected] = await prometheus.query(
      'sum(diffiqa_verdicts_total{purpose="probe",decision="reject"}) / sum(diffiqa_verdicts_total{purpose="probe"})',
    )
    expect(Math.abs(at.share - Number(rejected?.value?.[1]))).toBeLessThan(0.05)
    expect(advice.rawScores.length).toBe(advice.adjustedScores.length)
    expect(advice.rawScores.length).toBeGreaterThan(5)
  })

  it('as tables', async () => {
    const { code, stdout } = await runCli(['advise', '--prometheus', `${prometheus.url}/`, '--last', '10m'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ +0\.5 +\d+\.\d % +\d+ /m)
    expect(stdout).toContain('<- reject_below now')
    expect(stdout).toMatch(/^BEST SCORE +RAW +ADJUSTED/m)
  })

  it.each([
    [['--job', 'nobody'], 'No probe photo was judged'],
    [['--prefix', 'door_'], 'nothing in door_score'],
  ])('with %j: exit code 1, and why', async (args, why) => {
    const { code, stdout, stderr } = await runCli(['advise', '--prometheus', prometheus.url, ...args])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(why)
  })
})
