import type { RequestHandler } from 'express'
import type { Gate } from '../gate/gate.ts'
import { createMetrics, type MetricsOptions } from '../metrics/create-metrics.ts'
import { requireGate } from './options.ts'

/**
 * Answers a scrape of Prometheus. Counting begins when the handler is made, not with the first scrape; a handler made twice for the same
 * gate counts once.
 * @throws DiffiqaError `metrics-conflict`, `invalid-option`.
 */
export function metricsHandler(gate: Gate, options: MetricsOptions = {}): RequestHandler {
  requireGate(gate)
  const { register } = createMetrics(gate, options)
  return async function diffiqaMetricsHandler(_req, res) {
    const text = await register.metrics()
    res.set('Cache-Control', 'no-store').type(register.contentType).send(text)
  }
}
