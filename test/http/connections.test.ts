import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FORM_TYPE, photoForm, until } from '../fixtures/http.ts'
import { rawClient } from '../fixtures/raw-client.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { sum } from '../metrics/series.ts'
import { flat } from './pictures.ts'
import { type TrialServer, trialServer } from './trial-server.ts'

const LIMIT = 4_000_000
let server: TrialServer
let face: Buffer
let slow: Buffer
beforeAll(async () => {
  ;[face, slow] = await Promise.all([
    sampleFace('f'),
    flat(5000, 3000).png({ progressive: true, compressionLevel: 1 }).toBuffer(),
  ])
  server = await trialServer({ deadlineMs: 15_000, watchdogMs: 60_000 }, { maxBytes: LIMIT, uploadTimeoutMs: 700 })
})
afterAll(() => server.close())

const isGood = async (): Promise<void> => {
  const { status, json } = await server.send('/m', photoForm(face), { type: FORM_TYPE })
  expect([status, json.candidate]).toEqual([200, 'somebody'])
}
const outcomes = async (decision: string): Promise<number> =>
  sum(await server.metrics(), 'diffiqa_request_duration_seconds_count', { decision })
const jpeg = (body: Uint8Array) => ({ 'Content-Type': 'image/jpeg', 'Content-Length': String(body.length) })

describe('a client that leaves', () => {
  it('in the upload', async () => {
    const before = await outcomes('aborted')
    const client = rawClient(server, '/raw', jpeg(face))
    client.write(face.subarray(0, face.length / 2))
    await new Promise((resolve) => setTimeout(resolve, 50))
    client.destroy()
    await expect.poll(() => outcomes('aborted')).toBe(before + 1)
    await isGood()
  })

  it('in the queue: its place is free at once', async () => {
    const before = await outcomes('aborted')
    const matched = server.matched.length
    const running = rawClient(server, '/raw', jpeg(slow))
    running.write(slow)
    await until(() => server.gate.stats().workers.busy === 1, 5000)
    const waiting = rawClient(server, '/raw', jpeg(face))
    waiting.write(face)
    await until(() => server.gate.stats().queue.fast.depth === 1, 5000)
    waiting.destroy()
    await until(() => server.gate.stats().queue.fast.depth === 0)
    expect(server.gate.stats().workers.busy).toBe(1)
    await until(() => running.received().includes('no-face'), 15_000)
    running.destroy()
    expect(waiting.received()).toBe('')
    expect(server.matched.length).toBe(matched)
    expect(await outcomes('aborted')).toBe(before + 1)
    await isGood()
  })

  it('while its photo is scored: nothing is sent, the worker lives on', async () => {
    const before = await outcomes('aborted')
    const client = rawClient(server, '/raw', jpeg(slow))
    client.write(slow)
    await until(() => server.gate.stats().workers.busy === 1, 5000)
    client.destroy()
    await expect.poll(() => outcomes('aborted')).toBe(before + 1)
    await until(() => server.gate.stats().workers.idle === 1, 15_000)
    expect(client.received()).toBe('')
    await isGood()
    expect(sum(await server.metrics(), 'diffiqa_worker_restarts_total')).toBe(0)
  })
})

describe('an upload', { retry: 2 }, () => {
  it('over the limit, with and without Content-Length', async () => {
    const large = await flat(64, 64).jpeg().toBuffer()
    const body = Buffer.concat([large, Buffer.alloc(LIMIT)])
    for (const chunked of [false, true])
      for (const [path, sent, type] of [
        ['/raw', body, 'image/jpeg'],
        ['/m', photoForm(body), FORM_TYPE],
        ['/b64', JSON.stringify({ image: body.toString('base64') }), 'application/json'],
      ] as const) {
        const { status, json, ms } = await server.send(path, sent, { type, chunked })
        expect([path, status, json.code]).toEqual([path, 413, 'payload-too-large'])
        expect(ms).toBeLessThan(2000)
      }
    await isGood()
  })

  it('without end', async () => {
    const client = rawClient(server, '/raw', { 'Content-Type': 'image/jpeg', 'Transfer-Encoding': 'chunked' })
    const start = performance.now()
    client.pump()
    await until(client.closed)
    expect(client.received()).toMatch(/^HTTP\/1\.1 413 /)
    expect(performance.now() - start).toBeLessThan(2000)
    await isGood()
  })

  it('that is too slow', async () => {
    const start = performance.now()
    const client = rawClient(server, '/raw', jpeg(face))
    const drip = setInterval(() => client.write(face.subarray(0, 10)), 50)
    await until(client.closed)
    clearInterval(drip)
    expect(client.received()).toMatch(/^HTTP\/1\.1 408 /)
    expect(client.received()).toContain('"code":"slow-upload"')
    expect(performance.now() - start).toBeLessThan(2000)
    await isGood()
  })
})

/** A client in a process of its own: in this one it would take half of the server's time. */
async function flood(path: string): Promise<{ status: number; text: string; retryAfter?: string; ms: number }[]> {
  const folder = await mkdtemp(join(tmpdir(), 'diffiqa-flood-'))
  try {
    const file = join(folder, 'face.jpg')
    await writeFile(file, face)
    const args = ['test/http/fixtures/flood.mjs', `http://127.0.0.1:${server.port}${path}`, file, '1000']
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 })
    return JSON.parse(stdout)
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe('1,000 identical photos at once', () => {
  const slowest = (answers: readonly { ms: number }[]): number => Math.max(...answers.map(({ ms }) => ms))

  it('each gets its answer within two seconds', async () => {
    await flood('/raw')
    // The same bodies without a gate, about 0.7 s on a quiet machine: where that alone takes longer, so may the gate.
    const bare = slowest(await flood('/discard'))
    const answers = await flood('/raw')
    const seen = new Set(
      answers.map(({ status, text }) => `${status} ${JSON.parse(text).code ?? JSON.parse(text).candidate}`),
    )
    expect([...seen].filter((key) => !['200 somebody', '503 queue-full'].includes(key))).toEqual([])
    expect(seen).toContain('200 somebody')
    for (const { status, retryAfter } of answers)
      if (status === 503) expect(Number(retryAfter)).toBeGreaterThanOrEqual(1)
    expect(slowest(answers)).toBeLessThan(Math.max(2000, 3 * bare))
    await isGood()
  })
})
