import type { EChartsCoreOption } from 'echarts/core'
import { DiffiqaError } from '../errors.ts'

/** A line of a plot. */
export interface PlotLine {
  readonly name: string
  /** x, y; ascending in x. */
  readonly points: readonly (readonly [number, number])[]
  /** Between two points the value stays that of the first. @default false */
  readonly steps?: boolean
  /** x, lower and upper end of an interval around the line. */
  readonly band?: readonly (readonly [number, number, number])[]
  /** For what is not a rival: the oracle, a goal. @default false */
  readonly dashed?: boolean
}

export interface Plot {
  readonly title: string
  readonly x: { readonly title: string; readonly min?: number; readonly max?: number }
  readonly y: { readonly title: string; readonly min?: number; readonly max?: number }
  readonly lines: readonly PlotLine[]
  /** Pixels. @default 760 */
  readonly width?: number
  /** Pixels. @default 460 */
  readonly height?: number
}

/** Draws a plot as SVG text; the same plot gives the same text. */
export type Plotter = (plot: Plot) => string

// Okabe and Ito: told apart by colour-blind readers too.
const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000', '#8C6D31', '#7F7F7F']

/**
 * Apache ECharts, an optional peer dependency that draws without a browser.
 * @throws DiffiqaError `plot-library-missing` when it is not installed
 */
export async function openPlotter(): Promise<Plotter> {
  const { core, charts, components, renderers } = await loadECharts()
  core.use([
    charts.LineChart,
    components.GridComponent,
    components.LegendComponent,
    components.TitleComponent,
    renderers.SVGRenderer,
  ])
  return (plot) => {
    const { width = 760, height = 460 } = plot
    const chart = core.init(null, null, { renderer: 'svg', ssr: true, width, height })
    chart.setOption(chartOption(plot))
    const svg = renumber(chart.renderToSVGString())
    chart.dispose()
    return svg
  }
}

/** ECharts' ids and class names count up through the process; numbered afresh, the text depends on the plot alone. */
function renumber(svg: string): string {
  const names = new Map<string, string>()
  return svg.replace(/zr\d+-[a-z]+-?\d+/g, (name) => {
    const known = names.get(name) ?? `n${names.size}`
    names.set(name, known)
    return known
  })
}

async function loadECharts() {
  try {
    const [core, charts, components, renderers] = await Promise.all([
      import('echarts/core'),
      import('echarts/charts'),
      import('echarts/components'),
      import('echarts/renderers'),
    ])
    return { core, charts, components, renderers }
  } catch (cause) {
    throw new DiffiqaError('plot-library-missing', 'Plots are drawn by ECharts: npm install echarts', { cause })
  }
}

function chartOption({ title, x, y, lines }: Plot): EChartsCoreOption {
  const axis = ({ title: name, min, max }: Plot['x'], nameGap: number) => ({
    type: 'value',
    name,
    nameLocation: 'middle',
    nameGap,
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  })
  return {
    animation: false,
    backgroundColor: '#ffffff',
    color: COLOURS,
    textStyle: { fontFamily: 'sans-serif' },
    title: { text: title, left: 'center', textStyle: { fontSize: 15 } },
    legend: { data: lines.map(({ name }) => name), bottom: 0, itemGap: 18, itemHeight: 8 },
    grid: { left: 70, right: 30, top: 45, bottom: 55 + 25 * Math.ceil(lines.length / 4) },
    xAxis: axis(x, 28),
    yAxis: axis(y, 50),
    series: lines.flatMap((line, i) => lineSeries(line, COLOURS[i % COLOURS.length] as string)),
  }
}

function lineSeries({ name, points, steps, band, dashed }: PlotLine, color: string): object[] {
  const hidden = { type: 'line', showSymbol: false, silent: true, lineStyle: { opacity: 0 }, stack: `band of ${name}` }
  const area = band
    ? [
        { ...hidden, data: band.map(([x, low]) => [x, low]) },
        { ...hidden, data: band.map(([x, low, high]) => [x, high - low]), areaStyle: { color, opacity: 0.15 } },
      ]
    : []
  const line = {
    type: 'line',
    name,
    data: points,
    color,
    showSymbol: !steps && points.length < 30,
    symbolSize: 5,
    lineStyle: { width: 1.8, ...(dashed && { type: 'dashed' }) },
    ...(steps && { step: 'end' }),
  }
  return [...area, line]
}
