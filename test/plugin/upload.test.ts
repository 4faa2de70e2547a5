import express from 'express'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { DiffiqaError } from '../../src/errors.ts'
import type { GateEventName } from '../../src/gate/events.ts'
import { faceQuality } from '../../src/plugin/face-quality.ts'
import { base64, multipart, raw } from '../../src/plugin/sources.ts'
import { FORM_TYPE, photoForm, post, serve, type TestServer, until } from '../fixtures/http.ts'
import { type RawClient, rawClient } from '../fixtures/raw-client.ts'
import { scriptedGate } from '../fixtures/scripted-gate.ts'

const LIMIT = 100_000
let refusal: DiffiqaError | undefined
let hold: Promise<void> | undefined
const gate = scriptedGate({
  assess: async (_bytes, { signal }) => {
    await hold
    if (signal?.aborted) throw new DiffiqaError('aborted')
    throw new DiffiqaError('no-face')
  },
  admit: () => {
    if (refusal) throw refusal
  },
})
const told: string[] = []
const names: GateEventName[] = ['assessed', 'failure', 'refusal', 'shed']
for (const name of names)
  gate.on(name, (event) => {
    const { outcome, code, reason } = event as Record<string, unknown>
    told.push(`${name} ${outcome ?? reason ?? code}`)
  })

let server: TestServer
let handled = 0
let failed: unknown
beforeAll(async () => {
  const app = express()
  const options = { maxBytes: LIMIT, uploadTimeoutMs: 400 }
  const next: express.RequestHandler = (_req, res) => {
    handled++
    res.send('on')
  }
  app.post('/raw', faceQuality(gate, { ...options, from: raw() }), next)
  app.post('/form', faceQuality(gate, { ...options, from: multipart('photo') }), next)
  app.post('/json', faceQuality(gate, { ...options, from: base64('image') }), next)
  app.post('/deaf', faceQuality(gate, { ...options, from: () => new Promise(() => {}) }), next)
  app.post('/broken', faceQuality(gate, { ...options, from: () => Promise.reject(new TypeError('mine')) }), next)
  app.post('/next', faceQuality(gate, { ...options, from: raw(), onReject: 'next' }), next)
  app.use(((error, _req, res, _next) => {
    failed = error
    res.status(error.status ?? 599).json({ app: error.name })
  }) as express.ErrorRequestHandler)
  server = await serve(app)
})
afterAll(() => server.close())
afterEach(() => {
  refusal = undefined
  hold = undefined
  told.length = 0
})

const upload = (path: string, headers: Record<string, string>): RawClient =>
  rawClient(server, path, { 'Content-Type': 'image/jpeg', ...headers })

describe('an upload over the limit', () => {
  it.each([
    ['/raw', 'image/jpeg', Buffer.alloc(LIMIT + 1)],
    ['/form', FORM_TYPE, photoForm(Buffer.alloc(LIMIT + 1))],
    ['/json', 'application/json', JSON.stringify({ image: Buffer.alloc(LIMIT + 1).toString('base64') })],
  ])('is refused with and without Content-Length: %s', async (path, type, body) => {
    for (const chunked of [false, true]) {
      const answer = await post(server, path, body, { type, chunked })
      expect([answer.status, answer.json.code]).toEqual([413, 'payload-too-large'])
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(answer.headers['cache-control']).toBe('no-store')
      expect(answer.ms).toBeLessThan(2000)
    }
    expect(told).toEqual(['refusal too_large', 'assessed reject', 'refusal too_large', 'assessed reject'])
  })

  it('is not read when its Content-Length says so', async () => {
    const client = upload('/raw', { 'Content-Length': '900000000' })
    await until(() => client.received().includes('payload-too-large'))
    expect(client.received()).toMatch(/^HTTP\/1\.1 413 /)
    expect(client.received()).toMatch(/\r\nconnection: close\r\n/i)
    await until(client.closed)
  })

  it('is not read further without a Content-Length', async () => {
    const client = upload('/raw', { 'Transfer-Encoding': 'chunked' })
    client.pump()
    await until(client.closed)
    expect(client.received()).toMatch(/^HTTP\/1\.1 413 /)
    expect(client.received()).toContain('payload-too-large')
    // What it could send in all: the limit, what is discarded while the answer goes out, and the buffers of both sockets.
    expect(client.sent()).toBeLessThan(20_000_000)
    expect((await post(server, '/raw', 'x', { type: 'image/jpeg' })).json.code).toBe('no-face')
  })

  it('a photo of exactly the limit is taken', async () => {
    for (const [path, type, body] of [
      ['/raw', 'image/jpeg', Buffer.alloc(LIMIT)],
      ['/form', FORM_TYPE, photoForm(Buffer.alloc(LIMIT))],
      ['/json', 'application/json', JSON.stringify({ image: Buffer.alloc(LIMIT).toString('base64') })],
    ] as const)
      for (const chunked of [false, true]) {
        const answer = await post(server, path, body, { type, chunked })
        expect([path, answer.json.code]).toEqual([path, 'no-face'])
      }
  })
})

describe('a slow upload', () => {
  it('ends with 408 after uploadTimeoutMs', async () => {
    const start = performance.now()
    const client = upload('/form', { 'Content-Length': '5000', 'Content-Type': FORM_TYPE })
    const drip = setInterval(() => client.write('x'), 50)
    await until(() => client.received().includes('slow-upload'))
    clearInterval(drip)
    expect(performance.now() - start).toBeLessThan(2000)
    expect(client.received()).toMatch(/^HTTP\/1\.1 408 /)
    expect(client.received()).toMatch(/\r\nconnection: close\r\n/i)
    await until(client.closed)
    expect(told).toEqual(['failure slow-upload', 'assessed error'])
  })

  it('ends also where the source does not listen', async () => {
    const answer = await post(server, '/deaf', 'x', { type: 'image/jpeg' })
    expect([answer.status, answer.json.code]).toEqual([408, 'slow-upload'])
  })
})

describe('a client that leaves', () => {
  it('in the upload: counted, nothing is scored', async () => {
    const before = gate.calls.length
    const client = upload('/raw', { 'Content-Length': '5000' })
    client.write('half')
    await new Promise((resolve) => setTimeout(resolve, 50))
    client.destroy()
    await until(() => told.length > 0)
    expect(told).toEqual(['assessed aborted'])
    expect(gate.calls.length).toBe(before)
    expect(client.received()).toBe('')
  })

  it.each(['/raw', '/next'])('while scoring: the signal is aborted and nothing is sent: %s', async (path) => {
    let release!: () => void
    hold = new Promise((resolve) => {
      release = resolve
    })
    const [before, handledBefore] = [gate.calls.length, handled]
    failed = undefined
    const client = upload(path, { 'Content-Length': '4' })
    client.write('jpeg')
    await until(() => gate.calls.length === before + 1)
    const signal = gate.calls.at(-1)?.options.signal
    expect(signal?.aborted).toBe(false)
    client.destroy()
    await until(() => signal?.aborted === true)
    release()
    await until(() => told.length > 0)
    expect(told).toEqual(['assessed aborted'])
    expect([client.received(), handled, failed]).toEqual(['', handledBefore, undefined])
  })
})

describe('a gate that takes no photos', () => {
  it('says so before the body is read', async () => {
    refusal = new DiffiqaError('queue-full', undefined, { retryAfterSeconds: 7 })
    const before = gate.calls.length
    const client = upload('/raw', { 'Content-Length': '90000' })
    await until(() => client.received().includes('queue-full'))
    expect(client.received()).toMatch(/^HTTP\/1\.1 503 /)
    expect(client.received()).toMatch(/\r\nretry-after: 7\r\n/i)
    expect(client.received()).toMatch(/\r\nconnection: close\r\n/i)
    await until(client.closed)
    expect(gate.calls.length).toBe(before)
    // The gate has counted its own refusal.
    expect(told).toEqual([])
  })

  it.each(['shutting-down', 'gate-closed', 'worker-crashed'] as const)('%s: 503 with Retry-After', async (code) => {
    refusal = new DiffiqaError(code)
    const answer = await post(server, '/raw', Buffer.alloc(50_000), { type: 'image/jpeg' })
    expect([answer.status, answer.json.code, answer.headers['retry-after']]).toEqual([503, code, '1'])
  })
})

describe("the application's own source", () => {
  it('may fail with an error of its own, which goes to the error handler and is counted', async () => {
    const answer = await post(server, '/broken', 'x', { type: 'image/jpeg' })
    expect([answer.status, answer.json]).toEqual([599, { app: 'TypeError' }])
    expect(told).toEqual(['failure scoring-failed', 'assessed error'])
  })

  it('a connection can carry the next request after a refusal whose body was read', async () => {
    const client = upload('/raw', { 'Content-Length': '4' })
    client.write('jpeg')
    await until(() => client.received().includes('no-face'))
    client.write('POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\njpeg')
    await until(() => client.received().split('"no-face"').length === 3)
    client.destroy()
  })
})
