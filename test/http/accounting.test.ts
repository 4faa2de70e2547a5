import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, FORM_TYPE, form, until } from '../fixtures/http.ts'
import { rawClient } from '../fixtures/raw-client.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { type Sample, seriesOf, sum } from '../metrics/series.ts'
import { flat } from './pictures.ts'
import { type TrialServer, trialServer } from './trial-server.ts'

let server: TrialServer
let face: Buffer
/** Requests to routes with a gate. */
let sent = 0
beforeAll(async () => {
  face = await sampleFace('f')
  server = await trialServer({ maxQueue: 1 }, { maxBytes: 2_000_000, uploadTimeoutMs: 3000 })
})
afterAll(() => server.close())

const send = (...request: Parameters<TrialServer['send']>): Promise<Answer> => {
  sent++
  return server.send(...request)
}

/** Park–Miller; the same requests at every run. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

function addsUp(samples: readonly Sample[]): void {
  const requests = (decision?: string) =>
    sum(samples, 'diffiqa_request_duration_seconds_count', decision === undefined ? {} : { decision })
  expect(requests()).toBe(sent)
  expect(requests('accept')).toBe(sum(samples, 'diffiqa_verdicts_total', { decision: 'accept' }))
  expect(requests('down_weight')).toBe(sum(samples, 'diffiqa_verdicts_total', { decision: 'down_weight' }))
  expect(requests('reject')).toBe(sum(samples, 'diffiqa_rejections_total'))
  expect(requests('shed')).toBe(sum(samples, 'diffiqa_shed_total'))
  expect(requests('error')).toBe(sum(samples, 'diffiqa_errors_total'))
  expect(requests('degraded')).toBe(sum(samples, 'diffiqa_degraded_total'))
}

describe('hostile requests', () => {
  it('10,000 of them add no series, and each is counted', async () => {
    await send('/m', form([{ name: 'photo', content: face, filename: 'a.jpg' }]), { type: FORM_TYPE })
    await send('/pass', face)
    const before = await server.metrics()
    addsUp(before)

    const random = generator(42)
    const word = (): string =>
      Array.from({ length: 1 + random(12) }, () => String.fromCharCode(97 + random(26))).join('')
    const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random(256)))
    const magics = ['', '\xff\xd8\xff', '\x89PNG\r\n\x1a\n', 'RIFF\0\0\0\0WEBP', 'GIF89a', '<svg', '\0\0\0\x18ftypheic']
    const one = (): Promise<Answer> => {
      const content = Buffer.concat([
        Buffer.from(magics[random(magics.length)] as string, 'latin1'),
        noise(random(300)),
      ])
      const headers = { [`X-${word()}`]: word(), 'User-Agent': word(), Origin: `https://${word()}.example` }
      switch (random(6)) {
        case 0:
          return send('/m', form([{ name: word(), content, filename: word() }]), { type: FORM_TYPE, headers })
        case 1:
          return send('/m', form([{ name: 'photo', content, filename: `${word()}.${word()}`, type: word() }]), {
            type: FORM_TYPE,
            headers,
          })
        case 2:
          return send(
            '/b64',
            JSON.stringify({ [random(2) ? 'image' : word()]: random(2) ? content.toString('base64') : word() }),
            { type: 'application/json', headers },
          )
        case 3:
          return send('/any', content, { type: `${word()}/${word()}`, headers })
        case 4:
          return send('/any', content, { type: 'multipart/form-data; boundary=x', headers, chunked: true })
        default:
          return send('/raw', content, { type: `image/${word()}`, headers })
      }
    }
    const statuses = new Set<number>()
    for (let i = 0; i < 500; i++)
      for (const { status } of await Promise.all(Array.from({ length: 20 }, one))) statuses.add(status)
    expect([...statuses].filter((status) => ![400, 413, 415, 422, 503].includes(status))).toEqual([])

    const after = await server.metrics()
    expect(seriesOf(after)).toEqual(seriesOf(before))
    addsUp(after)
    expect((await server.send('/metrics', undefined, { method: 'GET' })).text.length).toBeLessThan(100_000)
    expect(after.length).toBeLessThanOrEqual(400)
  })
})

describe('requests of every kind', () => {
  it('add up: accepted, down-weighted, rejected, degraded, shed, failed, gone', async () => {
    const slow = await flat(5000, 3000).png({ progressive: true }).toBuffer()
    // While one photo is scored and one waits, the next is turned away, or let through where the route says so.
    const busy = [send('/raw', slow)]
    await until(() => server.gate.stats().workers.busy === 1)
    busy.push(send('/raw', face))
    await until(() => server.gate.stats().queue.fast.depth === 1)
    const shed = await send('/raw', await sampleFace('a'))
    expect([shed.status, shed.json.code]).toEqual([503, 'queue-full'])
    expect(shed.headers.connection).toBe('close')
    const passed = await send('/pass', await sampleFace('a'))
    expect([passed.status, passed.json]).toMatchObject([200, { degraded: true, candidate: 'somebody' }])
    await Promise.all(busy)

    const client = rawClient(server, '/raw', { 'Content-Type': 'image/jpeg', 'Content-Length': '5000' })
    sent++
    client.write('half of it')
    await new Promise((resolve) => setTimeout(resolve, 50))
    client.destroy()
    for (const name of ['a', 'b', 'c'] as const) await send('/raw', await sampleFace(name))
    await send('/raw', await flat(300, 300).jpeg().toBuffer())
    await send('/m', 'no form', { type: FORM_TYPE })
    await send('/raw', Buffer.alloc(2_000_001))
    await expect
      .poll(async () => sum(await server.metrics(), 'diffiqa_request_duration_seconds_count', { decision: 'aborted' }))
      .toBe(1)

    const samples = await server.metrics()
    addsUp(samples)
    for (const outcome of ['reject', 'degraded', 'shed', 'error', 'aborted'])
      expect(sum(samples, 'diffiqa_request_duration_seconds_count', { decision: outcome })).toBeGreaterThan(0)
  })
})
