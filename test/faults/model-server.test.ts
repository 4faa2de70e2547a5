import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openInference } from '../../src/inference/remote/open-inference.ts'
import type { QualityScore } from '../../src/quality/types.ts'
import { OipTestServer } from '../fixtures/oip-server.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { type TrialServer, trialServer } from '../http/trial-server.ts'
import { changes } from './changes.ts'

let face: Buffer
let models: OipTestServer
beforeAll(async () => {
  face = await sampleFace('f')
  models = await OipTestServer.open()
})
afterAll(() => models[Symbol.asyncDispose]())
afterEach(async () => {
  models.disturb = () => false
  models.change = (_, tensor) => tensor
  models.delayMs = 0
})

/** Answers every inference as told from now on; what the server says about itself stays true. */
const onInfer = (answer: (response: ServerResponse) => void) => () => {
  models.disturb = (path, response) => {
    if (!path.endsWith('/infer')) return false
    answer(response)
    return true
  }
}

const isServed = async (server: TrialServer): Promise<void> => {
  await expect
    .poll(async () => (await server.send('/readyz', undefined, { method: 'GET' })).status, { timeout: 25_000 })
    .toBe(200)
  const { status, json } = await server.send('/raw', face)
  expect([status, json.candidate]).toEqual([200, 'somebody'])
}

describe('the server of the networks', () => {
  let server: TrialServer
  let inner: ReturnType<typeof createServer>
  let reached = 0
  beforeAll(async () => {
    inner = createServer((_, response) => {
      reached++
      response.end('{"name":"inner"}')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => inner.once('listening', resolve))
    server = await trialServer({
      inference: openInference({ url: models.url, timeoutMs: 1500 }),
      deadlineMs: 20_000,
      watchdogMs: 60_000,
    })
  })
  afterAll(async () => {
    await server?.close()
    inner.close()
  })

  const html = '<!doctype html><title>Sign in</title>'
  const unavailable = [503, 'inference-unavailable'] as const
  const invalid = [502, 'inference-invalid-answer'] as const
  it.each<[string, () => void, number, string]>([
    ['hangs', onInfer(() => {}), ...unavailable],
    ['is slow', () => void Object.assign(models, { delayMs: 3000 }), ...unavailable],
    [
      'drips its answer',
      onInfer((to) => {
        to.writeHead(200)
        const drip = setInterval(() => to.write(' '), 50)
        to.on('close', () => clearInterval(drip))
      }),
      ...unavailable,
    ],
    ['hangs up', onInfer((to) => to.destroy()), ...unavailable],
    ['has enough to do', onInfer((to) => to.writeHead(429).end()), ...unavailable],
    ['is broken', onInfer((to) => to.writeHead(500).end('Traceback')), ...unavailable],
    ['wants another authorisation', onInfer((to) => to.writeHead(403).end(html)), 502, 'inference-refused'],
    ['answers with a web page', onInfer((to) => to.writeHead(200).end(html)), ...invalid],
    [
      'redirects to a private address',
      onInfer((to) => {
        const { port } = inner.address() as AddressInfo
        to.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end()
      }),
      ...invalid,
    ],
    [
      'ends in the middle of its answer',
      onInfer((to) => {
        to.writeHead(200, { 'content-length': 5000 })
        to.write('{"model_name":"diffiqa-regressor","outp')
        setTimeout(() => to.destroy(), 20)
      }),
      ...invalid,
    ],
    [
      'answers with another shape',
      () => {
        models.change = (_, { data, dims }) => ({ data, dims: [...dims, 7] })
      },
      ...invalid,
    ],
    [
      'answers with NaN',
      () => {
        models.change = (_, { data, dims }) => ({ data: data.map(() => Number.NaN), dims })
      },
      500,
      'invalid-model-output',
    ],
  ])('%s: no score, nothing reaches the matcher, and it goes on afterwards', async (_, disturb, status, code) => {
    const [before, matched] = [await server.metrics(), server.matched.length]
    disturb()
    const answer = await server.send('/raw', face)
    expect([answer.status, answer.json.code]).toEqual([status, code])
    expect(answer.headers['retry-after'] !== undefined).toBe(status === 503)
    // Neither the server's address nor its words.
    expect(answer.text).not.toMatch(/127\.0\.0\.1|Traceback|Sign in/)
    expect([server.matched.length, reached]).toEqual([matched, 0])
    const passed = await server.send('/pass', face)
    expect([passed.status, passed.json]).toMatchObject([200, { degraded: true, candidate: 'somebody' }])
    expect(changes(before, await server.metrics())).toEqual({
      [`errors ${code}`]: 1,
      'requests error': 1,
      'matcher_calls withheld': 1,
      degraded: 1,
      'requests degraded': 1,
      'matcher_calls ok': 1,
    })
    models.disturb = () => false
    models.change = (_, tensor) => tensor
    models.delayMs = 0
    await isServed(server)
  })

  it('is gone: refused before the body is read once that is known, and taken back when it is there again', async () => {
    await models.kill()
    const before = await server.metrics()
    const answers = []
    for (let i = 0; i < 6; i++) answers.push(await server.send('/raw', face))
    expect(new Set(answers.map(({ status, json }) => `${status} ${json.code}`))).toEqual(
      new Set(['503 inference-unavailable']),
    )
    const last = answers.at(-1)
    expect([last?.headers.connection, Number(last?.headers['retry-after'])]).toEqual(['close', expect.any(Number)])
    expect((await server.send('/readyz', undefined, { method: 'GET' })).json).toEqual({ ready: false })
    expect(changes(before, await server.metrics())).toEqual({
      'errors inference-unavailable': 6,
      'requests error': 6,
      'matcher_calls withheld': 6,
    })
    await models.start()
    await isServed(server)
  })

  it('comes back with other networks: it stays away', async () => {
    await models.kill()
    for (let i = 0; i < 4; i++) await server.send('/raw', face)
    models.change = (_, { data, dims }) => ({ data: data.map((value) => value + 1), dims })
    models.seen.length = 0
    await models.start()
    await expect.poll(() => models.calls.length, { timeout: 25_000 }).toBeGreaterThan(1)
    const { status, json } = await server.send('/raw', face)
    expect([status, json.code]).toEqual([503, 'inference-unavailable'])
    models.change = (_, tensor) => tensor
    await isServed(server)
  })
})

describe('full DifFIQA alone on a server', () => {
  it.each(['/raw', '/pass'])('that is gone: the fast score stands, whatever onFailure says (%s)', async (path) => {
    const blurred = await sharp(face).blur(6).jpeg().toBuffer()
    const inference = openInference({
      url: models.url,
      models: { embedder: 'diffiqa-embedder', denoiser: 'diffiqa-denoiser' },
    })
    const server = await trialServer({ inference, escalationBudget: 1, deadlineMs: 20_000, watchdogMs: 60_000 })
    try {
      // It would clearly be refused, so it is looked at twice.
      const { fast } = (await server.gate.assess(blurred, { report: false })).verdict
      const { value, sigma } = fast as QualityScore
      server.gate.update({ thresholds: { probe: { acceptFrom: 1, rejectBelow: Math.min(value + sigma, 0.9999) } } })
      let before = await server.metrics()
      await server.send(path, blurred)
      const looked = changes(before, await server.metrics())
      expect([looked['escalations confirmed'] ?? looked['escalations overturned']]).toEqual([1])

      await models.kill()
      before = await server.metrics()
      const { status, json } = await server.send(path, blurred)
      expect([status, json.code, json.method]).toEqual([422, 'quality-rejected', 'diffiqa-r'])
      expect(json.score).toBeCloseTo(value, 2)
      expect(changes(before, await server.metrics())).toEqual({
        'verdicts reject': 1,
        'rejections blur': 1,
        'requests reject': 1,
        'escalations failed': 1,
        'matcher_calls withheld': 1,
      })
      await models.start()
      await expect
        .poll(
          async () => {
            const start = await server.metrics()
            await server.send(path, blurred)
            return changes(start, await server.metrics())['escalations failed']
          },
          { timeout: 25_000, interval: 100 },
        )
        .toBeUndefined()
    } finally {
      await server.close()
    }
  })
})
