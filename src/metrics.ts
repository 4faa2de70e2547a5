export { createMetrics, type GateMetrics, type MetricsOptions } from './metrics/create-metrics.ts'
export { LABELS } from './metrics/labels.ts'
export type { OpenTelemetry } from './metrics/open-telemetry.ts'
export { traceGate } from './metrics/trace-gate.ts'
