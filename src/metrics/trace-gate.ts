import { invalidOption } from '../gate/check-keys.ts'
import type { GateEvents } from '../gate/events.ts'
import type { Gate } from '../gate/gate.ts'
import type { Timings, Verdict } from '../gate/types.ts'
import { toLabel } from './labels.ts'
import type { OpenTelemetry, TraceSpan } from './open-telemetry.ts'
import { packageVersion } from './package-version.ts'

type Attributes = Record<string, string | number | boolean>
const ERROR_STATUS = 2
const FAILED = new Set<GateEvents['assessed']['outcome']>(['error', 'shed'])

/**
 * A span for each assessment and each call of a wrapped matcher, as children of the span that is active in the caller: `diffiqa.assess` with
 * one child for each stage that ran, and `diffiqa.match`. They are written when the work is done, from the durations that workers measured.
 * Attributes are the metrics' labels and the score in steps of 0.05: never pixels, embeddings, places of faces or names.
 *
 * ```ts
 * import * as openTelemetry from '@opentelemetry/api'
 * const stop = traceGate(gate, openTelemetry)
 * ```
 * @param openTelemetry The namespace of `@opentelemetry/api`; without an SDK behind it nothing happens.
 * @returns the function that ends it.
 * @throws DiffiqaError `invalid-option`.
 */
export function traceGate(gate: Gate, openTelemetry: OpenTelemetry): () => void {
  if (typeof openTelemetry?.trace?.getTracer !== 'function' || typeof openTelemetry.context?.active !== 'function')
    throw invalidOption('openTelemetry', 'openTelemetry must be the namespace of the package @opentelemetry/api')
  const { trace, context } = openTelemetry
  const tracer = trace.getTracer('express-diffiqa', packageVersion())
  const begin = (name: string, startTime: number, attributes: Attributes, parent?: TraceSpan): TraceSpan => {
    const around = parent ? trace.setSpan(context.active() as never, parent as never) : context.active()
    return tracer.startSpan(name, { startTime, attributes }, around as never)
  }

  // What comes before `assessed` is told synchronously with it: one assessment at a time.
  let verdicts: Verdict[] = []
  let code: string | undefined
  const subscriptions = [
    gate.on('verdict', ({ verdict }) => void verdicts.push(verdict)),
    gate.on('failure', (event) => {
      code = event.code
    }),
    gate.on('degraded', (event) => {
      code = event.code
    }),
    gate.on('refusal', (event) => {
      code = event.code
    }),
    gate.on('assessed', ({ outcome, totalMs, faces, purpose }) => {
      const end = Date.now()
      const start = end - totalMs
      const [first] = verdicts
      const span = begin('diffiqa.assess', start, {
        'diffiqa.decision': toLabel(outcome),
        'diffiqa.purpose': purpose,
        ...(faces !== undefined && { 'diffiqa.faces': faces }),
        ...(code !== undefined && { 'error.type': code }),
        ...(first && verdictAttributes(first)),
      })
      if (FAILED.has(outcome)) span.setStatus({ code: ERROR_STATUS })
      if (first && !first.cached)
        for (const { stage, from, to } of stagesOf(first, verdicts, start, end))
          begin(`diffiqa.${stage}`, from, {}, span).end(to)
      span.end(end)
      verdicts = []
      code = undefined
    }),
    gate.on('matcher', ({ matcher, operation, outcome, durationMs, purpose }) => {
      const end = Date.now()
      const attributes = { matcher, operation, outcome, purpose }
      const named = Object.entries(attributes).map(([key, value]) => [`diffiqa.${key}`, value] as const)
      begin('diffiqa.match', end - durationMs, Object.fromEntries(named)).end(end)
    }),
  ]
  return () => {
    for (const unsubscribe of subscriptions) unsubscribe()
  }
}

function verdictAttributes({ mode, score, escalation, cached, reasons }: Verdict): Attributes {
  return {
    'diffiqa.mode': mode,
    'diffiqa.cached': cached,
    'diffiqa.escalation': toLabel(escalation),
    ...(score && { 'diffiqa.score': Math.round(score.value * 20) / 20, 'diffiqa.method': toLabel(score.method) }),
    ...(reasons[0] && { 'diffiqa.reason': reasons[0].code }),
  }
}

interface StageTime {
  readonly stage: string
  readonly from: number
  readonly to: number
}

/** Stages follow one another; the full score of each face ends at the end, since it is what the assessment waits for. */
function stagesOf({ timings }: Verdict, verdicts: readonly Verdict[], start: number, end: number): StageTime[] {
  const stages: StageTime[] = []
  let now = start
  const add = (stage: string, ms: number): void => {
    stages.push({ stage, from: now, to: Math.min(end, now + ms) })
    now = Math.min(end, now + ms)
  }
  const fast: readonly [string, keyof Timings][] = [
    ['queue', 'queueMs'],
    ['decode', 'decodeMs'],
    ['detect', 'detectMs'],
    ['align', 'alignMs'],
    ['diffiqa_r', 'diffiqaRMs'],
  ]
  for (const [stage, key] of fast) add(stage, timings[key] as number)
  for (const {
    full,
    timings: { diffiqaMs },
  } of verdicts)
    if (full) stages.push({ stage: 'diffiqa', from: Math.max(start, end - diffiqaMs), to: end })
  return stages
}
