import { type Metric, type OpenMetricsContentType, Registry } from 'prom-client'

export interface Exposition {
  readonly contentType: string
  readonly text: string
}

/**
 * What a scrape gets: OpenMetrics, the only text format with exemplars, or the classic one.
 *
 * prom-client strips `_total` off the names of the counters themselves when it writes OpenMetrics, which would spoil every later classic
 * scrape; so each metric lends its values to a stand-in.
 */
export async function expose(register: Registry, openMetrics: boolean): Promise<Exposition> {
  if (!openMetrics) return { contentType: register.contentType, text: await register.metrics() }
  const view = new Registry<OpenMetricsContentType>()
  view.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  for (const metric of register.getMetricsAsArray()) view.registerMetric(Object.create(metric) as Metric)
  return { contentType: view.contentType, text: await view.metrics() }
}
