export { createMetrics, type GateMetrics, type MetricsOptions } from './metrics/create-metrics.ts'
export { LABELS } from './metrics/labels.ts'
