import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as Heatmap, HeatmapColorOptionsBuilder } from '@grafana/grafana-foundation-sdk/heatmap'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries'
import { DATASOURCE } from './variables.ts'

/** PromQL, and the name of its series: text with `{{label}}`. */
export interface Query {
  readonly expr: string
  readonly legend?: string
  /** Show the traces that the histogram points to. */
  readonly exemplars?: boolean
}

interface PanelText {
  readonly title: string
  /** What it shows, and what to do when it looks wrong. */
  readonly description: string
  readonly unit: string
  readonly queries: readonly Query[]
  /** Of the 24 columns. */
  readonly width: number
  readonly height?: number
}

interface Colours {
  /** From a value on, this colour; below the first one green. */
  readonly steps?: readonly (readonly [number, string])[]
  /** Colour below the first step. @default 'green' */
  readonly base?: string
}

const REF_IDS = 'ABCDEFGH'

function targets(queries: readonly Query[], shape: 'range' | 'instant', format = PromQueryFormat.TimeSeries) {
  return queries.map(({ expr, legend, exemplars }, i) => {
    const query = new DataqueryBuilder()
      .datasource(DATASOURCE)
      .expr(expr)
      .refId(REF_IDS[i] as string)
      .format(format)
    if (legend !== undefined) query.legendFormat(legend)
    if (exemplars) query.exemplar(true)
    return shape === 'range' ? query.range() : query.instant()
  })
}

const legend = () => new VizLegendOptionsBuilder().showLegend(true)
const last = () => new ReduceDataOptionsBuilder().calcs(['lastNotNull'])

function thresholds({ steps = [], base = 'green' }: Colours) {
  const colours = [{ value: null, color: base }, ...steps.map(([value, color]) => ({ value, color }))]
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(colours as Threshold[])
}

/** Lines over time; `stacked` ones are parts of a whole. */
export function lines(panel: PanelText & { readonly stacked?: boolean; readonly max?: number }): Builder<Panel> {
  const { title, description, unit, queries, width, height = 8, stacked = false, max } = panel
  const made = new TimeSeries()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .min(0)
    .span(width)
    .height(height)
    .legend(legend())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .fillOpacity(stacked ? 40 : 5)
    .targets(targets(queries, 'range'))
  if (stacked) made.stacking(new StackingConfigBuilder().mode(StackingMode.Normal))
  if (max !== undefined) made.max(max)
  return made
}

/** One number. */
export function number(panel: PanelText & Colours & { readonly decimals?: number }): Builder<Panel> {
  const { title, description, unit, queries, width, height = 4, decimals } = panel
  const made = new Stat()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(width)
    .height(height)
    .reduceOptions(last())
    .graphMode(BigValueGraphMode.Area)
    .colorMode(BigValueColorMode.Value)
    .thresholds(thresholds(panel))
    .targets(targets(queries, 'range'))
  if (decimals !== undefined) made.decimals(decimals)
  return made
}

/** One bar for each series, over the time that is shown. */
export function bars(panel: PanelText & Colours & { readonly max?: number }): Builder<Panel> {
  const { title, description, unit, queries, width, height = 8, max } = panel
  const made = new BarGauge()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .min(0)
    .span(width)
    .height(height)
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic)
    .reduceOptions(last())
    .thresholds(thresholds(panel))
    .targets(targets(queries, 'instant'))
  if (max !== undefined) made.max(max)
  return made
}

/** Buckets of a histogram over time. */
export function heatmap(panel: PanelText): Builder<Panel> {
  const { title, description, unit, queries, width, height = 8 } = panel
  return new Heatmap()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(width)
    .height(height)
    .calculate(false)
    .color(new HeatmapColorOptionsBuilder().scheme('Oranges').steps(64))
    .targets(targets(queries, 'range', PromQueryFormat.Heatmap))
}

/** One row for each series. */
export function table(panel: PanelText & { readonly hidden?: readonly string[] }): Builder<Panel> {
  const { title, description, unit, queries, width, height = 6, hidden = [] } = panel
  const excludeByName = Object.fromEntries(['Time', 'Value', '__name__', ...hidden].map((name) => [name, true]))
  return new Table()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(width)
    .height(height)
    .withTransformation({ id: 'organize', options: { excludeByName } })
    .targets(targets(queries, 'instant', PromQueryFormat.Table))
}
