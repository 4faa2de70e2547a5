import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'

/** Whatever Prometheus is chosen at the top of the page. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const

/** Labels of every query: of what is scraped, and with {@link PROBES} of the photos too. */
export const SCRAPED = 'job=~"$job",instance=~"$instance"'
export const PROBES = `${SCRAPED},matcher=~"$matcher",purpose=~"$purpose"`

/**
 * The bounds of the score histogram that every gate has at all times. The others are its thresholds: after a release with new ones, or where
 * instances differ, their sums lack the photos of the others.
 */
export const STEPS = 'le=~"0\\\\.([1-9]|[0-9]5)"'
/** With the bucket that has no bound. */
export const STEPS_AND_REST = STEPS.replace(/"$/, '|[+]Inf"')

/** A label's values as choices; all are chosen at first. */
function choice(label: string, series: string): Builder<VariableModel> {
  return new QueryVariableBuilder(label)
    .label(label)
    .datasource(DATASOURCE)
    .query(`label_values(${series}, ${label})`)
    .definition(`label_values(${series}, ${label})`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: ['All'], value: ['$__all'] })
}

/** What can be chosen at the top of each dashboard. */
export const variables = (): Builder<VariableModel>[] => [
  new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
  choice('job', 'diffiqa_build_info'),
  choice('instance', 'diffiqa_build_info{job=~"$job"}'),
  choice('matcher', `diffiqa_verdicts_total{${SCRAPED}}`),
  choice('purpose', `diffiqa_verdicts_total{${SCRAPED}}`),
  choice('mode', `diffiqa_verdicts_total{${SCRAPED}}`),
]
