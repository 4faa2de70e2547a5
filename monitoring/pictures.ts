// Draws the main panels of the dashboard from a real Prometheus that watched the example server: docs/images/dashboard.svg. Takes minutes;
// needs the programs of `test/services/install.sh prometheus` and a build. Run by `npm run pictures:monitoring`.
import { mkdirSync, writeFileSync } from 'node:fs'
import * as echarts from 'echarts'
import { filledIn } from '../test/monitoring/promql.ts'
import { exampleTraffic } from '../test/services/example-traffic.ts'
import { PrometheusServer, type Series } from '../test/services/prometheus-server.ts'
import { overview } from './dashboards/overview.ts'

const SECONDS = Number(process.env.SECONDS ?? 180)
const STEP = 3
const PANELS = [
  'Verdicts',
  'Reasons over time',
  'Quantiles of the score, and the thresholds',
  'Escalations',
  'From the photo to the decision',
  'Service time by stage',
]
const COLUMNS = 2
const [WIDTH, HEIGHT] = [640, 300]
const SIZE = { width: COLUMNS * WIDTH, height: Math.ceil(PANELS.length / COLUMNS) * HEIGHT + 40 }

interface Target {
  readonly expr: string
  readonly legendFormat?: string
}
interface Panel {
  readonly title: string
  readonly targets: readonly Target[]
  readonly fieldConfig: {
    readonly defaults: { readonly unit?: string; readonly custom?: { readonly stacking?: unknown } }
  }
}

/** Colours that mean something; others come from the library's palette. */
const COLOURS: Readonly<Record<string, string>> = {
  accept: '#3a9d5d',
  down_weight: '#d99a1c',
  reject: '#d1493f',
  'probe reject_below': '#d1493f',
  'probe accept_from': '#3a9d5d',
  'enrolment reject_below': '#e8a29d',
  'enrolment accept_from': '#9fd3b2',
}
const UNITS: Readonly<Record<string, string>> = { reqps: 'per second', s: 'seconds' }

const legendOf = ({ legendFormat = '' }: Target, { metric }: Series): string =>
  legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? '')

/** Parts of a whole need a value at every instant; what Prometheus has none for is none of it. */
function pointsOf({ values = [] }: Series, times: readonly number[], stacked: boolean): [number, number][] {
  const known = new Map(values.map(([time, value]) => [time, Number(Number(value).toPrecision(3))]))
  if (!stacked) return [...known].map(([time, value]) => [time * 1000, value])
  return times.map((time) => [time * 1000, known.get(time) ?? 0])
}

async function draw(prometheus: PrometheusServer): Promise<string> {
  const end = Math.floor(Date.now() / 1000)
  const times = Array.from({ length: Math.floor(SECONDS / STEP) }, (_, i) => end - SECONDS + (i + 1) * STEP)
  const panels = (overview().panels ?? []) as unknown as readonly Panel[]
  const option = { title: [], legend: [], grid: [], xAxis: [], yAxis: [], series: [] } as Record<string, unknown[]>
  for (const [i, wanted] of PANELS.entries()) {
    const panel = panels.find(({ title }) => title === wanted)
    if (!panel) throw new Error(`the dashboard has no panel "${wanted}"`)
    const [left, top] = [(i % COLUMNS) * WIDTH, Math.floor(i / COLUMNS) * HEIGHT]
    const names: string[] = []
    for (const target of panel.targets)
      for (const series of await prometheus.range(filledIn(target.expr, { interval: '30s' }), times)) {
        const name = legendOf(target, series)
        names.push(name)
        const stacked = panel.fieldConfig.defaults.custom?.stacking !== undefined
        option.series?.push({
          type: 'line',
          name,
          xAxisIndex: i,
          yAxisIndex: i,
          showSymbol: false,
          lineStyle: { width: 1.5 },
          ...(COLOURS[name] && { color: COLOURS[name] }),
          ...(stacked && { stack: wanted, areaStyle: { opacity: 0.4 } }),
          data: pointsOf(series, times, stacked),
        })
      }
    const unit = UNITS[panel.fieldConfig.defaults.unit ?? '']
    option.title?.push({
      text: unit ? `${wanted}, ${unit}` : wanted,
      left: left + 16,
      top: top + 8,
      textStyle: { fontSize: 14 },
    })
    option.legend?.push({
      data: names,
      left: left + 16,
      top: top + HEIGHT - 48,
      width: WIDTH - 40,
      itemHeight: 8,
      itemGap: 18,
      textStyle: { fontSize: 10 },
    })
    option.grid?.push({ left: left + 56, top: top + 40, width: WIDTH - 84, height: HEIGHT - 120 })
    option.xAxis?.push({ type: 'time', gridIndex: i, axisLabel: { fontSize: 10, hideOverlap: true } })
    option.yAxis?.push({ type: 'value', gridIndex: i, min: 0, axisLabel: { fontSize: 10 } })
  }
  option.title?.push({
    text: `Rendered with Apache ECharts from a real Prometheus, from the dashboard's own expressions; not a screenshot of Grafana. ${SECONDS} s of sample faces.`,
    left: 16,
    top: SIZE.height - 26,
    textStyle: { fontSize: 11, fontWeight: 'normal', color: '#666' },
  })
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...SIZE })
  chart.setOption({ animation: false, backgroundColor: '#fff', ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

// Of the built package.
const { startServer }: { startServer(options: { port: number }): Promise<{ url: string; close(): Promise<unknown> }> } =
  await import('../examples/minimal-server/server.js' as string)
const example = await startServer({ port: 0 })
const prometheus = await PrometheusServer.open(new URL(example.url).host)
try {
  await (await exampleTraffic(example.url)).send(SECONDS)
  const images = new URL('../docs/images/', import.meta.url)
  mkdirSync(images, { recursive: true })
  writeFileSync(new URL('dashboard.svg', images), await draw(prometheus))
} finally {
  await prometheus[Symbol.asyncDispose]()
  await example.close()
}
