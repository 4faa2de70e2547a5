import * as openTelemetry from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import express from 'express'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Gate } from '../../src/gate/gate.ts'
import { traceGate } from '../../src/metrics/trace-gate.ts'
import { faceQuality } from '../../src/plugin/face-quality.ts'
import { metricsHandler } from '../../src/plugin/metrics-handler.ts'
import { testGate } from '../fixtures/gate.ts'
import { post, serve, type TestServer } from '../fixtures/http.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { scriptedGate } from '../fixtures/scripted-gate.ts'
import { samplesOf, sum } from './series.ts'

// What Prometheus 2.42 sends.
const ACCEPT =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const exporter = new InMemorySpanExporter()
let gate: Gate
let server: TestServer

/** As an HTTP instrumentation does: each request runs in a span of its own. */
const instrumented: express.RequestHandler = (_req, res, next) => {
  openTelemetry.trace.getTracer('test').startActiveSpan('POST /raw', (span) => {
    res.on('finish', () => span.end())
    next()
  })
}

beforeAll(async () => {
  openTelemetry.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  openTelemetry.trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  )
  gate = await testGate()
  traceGate(gate, openTelemetry)
  const app = express()
  app.get('/metrics', metricsHandler(gate, { openTelemetry }))
  app.use(instrumented)
  app.post('/raw', faceQuality(gate), (_req, res) => void res.json({}))
  server = await serve(app)
})
afterAll(async () => {
  await server.close()
  await gate.close()
  openTelemetry.trace.disable()
  openTelemetry.context.disable()
})
beforeEach(() => exporter.reset())

const scrape = (accept: string) => post(server, '/metrics', undefined, { method: 'GET', headers: { Accept: accept } })

describe('spans', () => {
  it('an assessment is a child of the request, its stages are children of it, and nothing of the photo is in them', async () => {
    const { status } = await post(server, '/raw', await sampleFace('f'), { type: 'image/jpeg' })
    expect(status).toBe(200)
    const spans = exporter.getFinishedSpans()
    const named = (name: string) => spans.find((span) => span.name === name)
    const assess = named('diffiqa.assess')
    expect(assess?.parentSpanContext?.spanId).toBe(named('POST /raw')?.spanContext().spanId)
    expect(assess?.attributes).toMatchObject({
      'diffiqa.decision': 'accept',
      'diffiqa.purpose': 'probe',
      'diffiqa.faces': 1,
    })
    const score = assess?.attributes['diffiqa.score'] as number
    expect(Math.abs(score * 20 - Math.round(score * 20))).toBeLessThan(1e-9)
    const stages = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === assess?.spanContext().spanId)
    expect(stages.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'diffiqa.queue',
        'diffiqa.decode',
        'diffiqa.detect',
        'diffiqa.align',
        'diffiqa.diffiqa_r',
      ]),
    )
    for (const { attributes } of [...stages, assess as NonNullable<typeof assess>])
      for (const value of Object.values(attributes)) expect(String(value).length).toBeLessThan(40)
  })

  it('a photo that is refused, and a request that cannot be read, say why', async () => {
    await post(server, '/raw', 'not a photo', { type: 'image/jpeg' })
    const [refused] = exporter.getFinishedSpans().filter(({ name }) => name === 'diffiqa.assess')
    expect(refused?.attributes).toMatchObject({ 'diffiqa.decision': 'reject', 'error.type': 'unsupported-media-type' })
    expect(refused?.status.code).toBe(openTelemetry.SpanStatusCode.UNSET)
    exporter.reset()
    await post(server, '/raw', '{"x":1}', { type: 'application/json' })
    const [failed] = exporter.getFinishedSpans().filter(({ name }) => name === 'diffiqa.assess')
    expect(failed?.attributes).toMatchObject({ 'diffiqa.decision': 'error', 'error.type': 'missing-field' })
    expect(failed?.status.code).toBe(openTelemetry.SpanStatusCode.ERROR)
  })

  it('the calls of a matcher, until it is stopped', () => {
    const scripted = scriptedGate()
    const stop = traceGate(scripted, openTelemetry)
    const call = () =>
      scripted.emit('matcher', {
        matcher: 'acme',
        operation: 'verify',
        outcome: 'ok',
        durationMs: 30,
        purpose: 'probe',
      })
    call()
    stop()
    call()
    const [span, ...others] = exporter.getFinishedSpans()
    expect(others).toEqual([])
    expect(span?.name).toBe('diffiqa.match')
    expect(span?.attributes).toMatchObject({ 'diffiqa.matcher': 'acme', 'diffiqa.outcome': 'ok' })
    expect(span?.duration[1]).toBeGreaterThan(29e6)
  })

  it('need the API', () => {
    expect(() => traceGate(scriptedGate(), {} as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

describe('exemplars', () => {
  it('lead from a bucket to the trace of the request, for a scraper that reads OpenMetrics', async () => {
    await post(server, '/raw', await sampleFace('f'), { type: 'image/jpeg' })
    const trace = exporter.getFinishedSpans()[0]?.spanContext().traceId
    const { text, headers } = await scrape(ACCEPT)
    expect(headers['content-type']).toMatch(/^application\/openmetrics-text; version=1\.0\.0/)
    expect(text.endsWith('# EOF\n')).toBe(true)
    const [line] = text.split('\n').filter((each) => each.includes(`trace_id="${trace}"`))
    expect(line).toMatch(/^diffiqa_request_duration_seconds_bucket\{le="[^"]+",decision="accept"\} \d+ # \{trace_id=/)
  })

  it('classic scrapes stay what they were, also between the others', async () => {
    const before = samplesOf((await scrape('text/plain')).text)
    await scrape(ACCEPT)
    const { text, headers } = await scrape('text/plain')
    expect(headers['content-type']).toMatch(/^text\/plain/)
    expect(text).not.toContain('trace_id')
    const after = samplesOf(text)
    expect(after.map(({ name }) => name)).toEqual(before.map(({ name }) => name))
    expect(sum(after, 'diffiqa_verdicts_total')).toBeGreaterThan(0)
  })

  it('no OpenMetrics where nobody asked for exemplars', async () => {
    const app = express()
    app.get('/metrics', metricsHandler(scriptedGate()))
    const plain = await serve(app)
    const { headers } = await post(plain, '/metrics', undefined, { method: 'GET', headers: { Accept: ACCEPT } })
    await plain.close()
    expect(headers['content-type']).toMatch(/^text\/plain/)
  })
})
