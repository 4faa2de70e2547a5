import type { RequestHandler } from 'express'
import type { Gate } from '../gate/gate.ts'
import { createMetrics, type MetricsOptions } from '../metrics/create-metrics.ts'
import { expose } from '../metrics/exposition.ts'
import { requireGate } from './options.ts'

/** Anywhere in the header: scrapers list it with parameters that grow with every release. */
const OPENMETRICS = /\bapplication\/openmetrics-text\b/

/**
 * Answers a scrape of Prometheus. Counting begins when the handler is made, not with the first scrape; a handler made twice for the same
 * gate counts once. With `openTelemetry`, and on a register of the gate's own, a scraper that asks for OpenMetrics gets it, with exemplars;
 * a `register` of the caller's is written in the format it was made for.
 * @throws DiffiqaError `metrics-conflict`, `invalid-option`.
 */
export function metricsHandler(gate: Gate, options: MetricsOptions = {}): RequestHandler {
  requireGate(gate)
  const { register } = createMetrics(gate, options)
  const negotiates = options.openTelemetry !== undefined && options.register === undefined
  return async function diffiqaMetricsHandler(req, res) {
    const openMetrics = negotiates && OPENMETRICS.test(req.get('Accept') ?? '')
    const { contentType, text } = await expose(register, openMetrics)
    res.set('Cache-Control', 'no-store').vary('Accept').type(contentType).send(text)
  }
}
