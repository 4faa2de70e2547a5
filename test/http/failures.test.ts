import type { Worker } from 'node:worker_threads'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../fixtures/http.ts'
import { nanModelsFolder } from '../fixtures/nan-models.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { sum } from '../metrics/series.ts'
import { flat } from './pictures.ts'
import { type TrialServer, trialServer } from './trial-server.ts'

const RETRY = { retry: 2 }

describe('a model that answers with infinity', RETRY, () => {
  let server: TrialServer
  let dark: Buffer
  beforeAll(async () => {
    server = await trialServer({ modelsDir: nanModelsFolder(), deadlineMs: 10_000 })
    // The broken regressor only knows pixels below 255.
    dark = await sharp(await sampleFace('f'))
      .linear(0.7)
      .png()
      .toBuffer()
  })
  afterAll(() => server.close())

  it('500, no score, nothing reaches the matcher, and the next photo is judged', async () => {
    const isJudged = async (): Promise<void> => {
      const { status, json } = await server.send('/raw', dark)
      expect([200, 422]).toContain(status)
      expect(json.value ?? json.score).toBeTypeOf('number')
    }
    await isJudged()
    const matched = server.matched.length
    const white = await sharp({ create: { width: 40, height: 40, channels: 3, background: '#ffffff' } })
      .png()
      .toBuffer()
    const photo = await sharp(dark)
      .composite([{ input: white, left: 180, top: 250 }])
      .png()
      .toBuffer()
    const { status, json, ms } = await server.send('/raw', photo)
    expect([status, json.code]).toEqual([500, 'invalid-model-output'])
    expect(json).not.toHaveProperty('score')
    expect(ms).toBeLessThan(2000)
    expect(server.matched.length).toBe(matched)
    expect(sum(await server.metrics(), 'diffiqa_errors_total', { code: 'invalid-model-output' })).toBeGreaterThan(0)
    await isJudged()
  })
})

describe('a worker and a gate that end', () => {
  let server: TrialServer
  let face: Buffer
  const workers: Worker[] = []
  const onWorker = (worker: Worker) => workers.push(worker)
  beforeAll(async () => {
    process.on('worker', onWorker)
    face = await sampleFace('f')
    server = await trialServer()
  })
  afterAll(async () => {
    process.off('worker', onWorker)
    await server.close()
  })

  it('a worker killed while it scores: 503, and another takes over', async () => {
    expect((await server.send('/raw', face)).status).toBe(200)
    const running = server.send('/raw', await flat(5000, 3000).png({ progressive: true }).toBuffer())
    await until(() => server.gate.stats().workers.busy === 1)
    await workers.at(-1)?.terminate()
    const { status, json, headers, ms } = await running
    expect([status, json.code]).toEqual([503, 'worker-crashed'])
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(ms).toBeLessThan(2000)
    await expect
      .poll(async () => (await server.send('/raw', face)).status, { timeout: 25_000, interval: 200 })
      .toBe(200)
    const samples = await server.metrics()
    expect(sum(samples, 'diffiqa_worker_restarts_total', { reason: 'crash' })).toBe(1)
    expect(sum(samples, 'diffiqa_errors_total', { code: 'worker-crashed' })).toBeGreaterThan(0)
  })

  it('a gate used after close(): 503, not ready, and the metrics can still be read', async () => {
    const ready = () => server.send('/readyz', undefined, { method: 'GET' })
    expect((await ready()).status).toBe(200)
    const matched = server.matched.length
    const inFlight = server.send('/raw', face)
    await until(() => server.gate.stats().workers.busy === 1)
    const closing = server.gate.close()
    const late = await server.send('/raw', face)
    expect([late.status, late.json.code]).toEqual([503, 'shutting-down'])
    expect((await inFlight).status).toBe(200)
    expect(server.matched.length).toBe(matched + 1)
    await closing
    const { status, json, headers, ms } = await server.send('/raw', face)
    expect([status, json.code]).toEqual([503, 'gate-closed'])
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(ms).toBeLessThan(2000)
    expect([(await ready()).status, (await ready()).json]).toEqual([503, { ready: false }])
    const samples = await server.metrics()
    expect(sum(samples, 'diffiqa_shed_total', { reason: 'draining' })).toBe(2)
    expect(sum(samples, 'diffiqa_model_ready')).toBe(0)
  })
})
