import * as openTelemetry from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import express from 'express'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { guard } from '../../src/adapters/guard.ts'
import { createGate } from '../../src/gate/create-gate.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { faceQuality } from '../../src/plugin/face-quality.ts'
import { getFaceQuality } from '../../src/plugin/get-face-quality.ts'
import { metricsHandler } from '../../src/plugin/metrics-handler.ts'
import { post, serve, type TestServer } from '../fixtures/http.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { PrometheusServer } from './prometheus-server.ts'

const spans = new InMemorySpanExporter()
let gate: Gate
let server: TestServer
let prometheus: PrometheusServer

beforeAll(async () => {
  openTelemetry.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  openTelemetry.trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  )
  gate = await createGate({ workers: 1, escalationBudget: 0, deadlineMs: 30_000 })
  const guarded = guard(
    {
      name: 'everybody',
      scale: { direction: 'similarity', min: 0, max: 1, impostorMean: 0.2, defaultThreshold: 0.5 },
      identify: async () => [{ subject: 'somebody', score: 0.9, source: {} }],
    },
    gate,
  )
  const app = express()
  app.get('/metrics', metricsHandler(gate, { openTelemetry }))
  app.use((_req, res, next) => {
    openTelemetry.trace.getTracer('test').startActiveSpan('request', (span) => {
      res.on('finish', () => span.end())
      next()
    })
  })
  app.post('/identify', faceQuality(gate), async (req, res) => {
    res.json((await guarded.identify(getFaceQuality(req))).candidates.length)
  })
  server = await serve(app)
  prometheus = await PrometheusServer.open(`127.0.0.1:${server.port}`)
})
afterAll(async () => {
  await prometheus?.[Symbol.asyncDispose]()
  await server?.close()
  await gate?.close()
  openTelemetry.trace.disable()
  openTelemetry.context.disable()
})

it('Prometheus keeps the traces of requests and of matcher calls as exemplars, and reads the same numbers', async () => {
  for (const face of ['c', 'f', 'g'] as const)
    await post(server, '/identify', await sampleFace(face), { type: 'image/jpeg' })
  const traces = new Set(spans.getFinishedSpans().map((span) => span.spanContext().traceId))
  expect(traces.size).toBe(3)
  for (const family of ['request_duration_seconds', 'matcher_duration_seconds']) {
    const bucket = `diffiqa_${family}_bucket`
    await expect.poll(async () => (await prometheus.exemplars(bucket)).length, { timeout: 30_000 }).toBeGreaterThan(0)
    for (const { labels } of await prometheus.exemplars(bucket)) {
      expect(traces).toContain(labels.trace_id)
      expect(labels.span_id).toMatch(/^[0-9a-f]{16}$/)
    }
  }
  const total = async (counter: string) => (await prometheus.query(`sum(${counter})`))[0]?.value?.[1]
  await expect.poll(() => total('diffiqa_request_duration_seconds_count'), { timeout: 30_000 }).toBe('3')
  // Counters keep their names in the format that has exemplars.
  expect(await total('diffiqa_verdicts_total')).toBe('3')
})
