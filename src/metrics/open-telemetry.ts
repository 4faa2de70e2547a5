/** What is used of a span of `@opentelemetry/api`. */
export interface TraceSpan {
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number }
  setAttributes(attributes: Record<string, string | number | boolean>): unknown
  setStatus(status: { code: number }): unknown
  end(endTime?: number): void
}

/**
 * What is used of the package `@opentelemetry/api`; hand in its namespace (`import * as openTelemetry from '@opentelemetry/api'`). Told as a
 * shape, so that nothing of it is imported here.
 */
export interface OpenTelemetry {
  readonly trace: {
    getActiveSpan(): Pick<TraceSpan, 'spanContext'> | undefined
    getTracer(
      name: string,
      version?: string,
    ): {
      startSpan(
        name: string,
        options?: { startTime?: number; attributes?: Record<string, string | number | boolean> },
        context?: never,
      ): TraceSpan
    }
    setSpan(context: never, span: never): unknown
  }
  readonly context: { active(): unknown }
}

const SAMPLED = 1

/** Labels of an exemplar: the trace that is active now, when it is recorded; without one, none. */
export function exemplarOf(openTelemetry: OpenTelemetry | undefined): Record<string, string> {
  const context = openTelemetry?.trace.getActiveSpan()?.spanContext()
  if (!context || (context.traceFlags & SAMPLED) === 0) return {}
  return { trace_id: context.traceId, span_id: context.spanId }
}
