import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import express from 'express'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { faceQualityConsole } from '../../src/console/face-quality-console.ts'
import { resolveConsoleOptions } from '../../src/console/options.ts'
import type { AssessAnswer, ExplainAnswer, RateAnswer, SettingsAnswer } from '../../src/console/wire.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { faceQuality } from '../../src/plugin/face-quality.ts'
import { metricsHandler } from '../../src/plugin/metrics-handler.ts'
import { testGate } from '../fixtures/gate.ts'
import { type Answer, type PostOptions, post, serve, type TestServer } from '../fixtures/http.ts'
import { deviations } from '../fixtures/openapi.ts'
import { sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'
import { scriptedGate } from '../fixtures/scripted-gate.ts'

let gate: Gate
let server: TestServer

beforeAll(async () => {
  gate = await testGate()
  const app = express()
  app.use('/tools/console', faceQualityConsole(gate, { maxBytes: 2_000_000, deadlineMs: 20_000 }))
  app.post('/check', faceQuality(gate), (_req, res) => void res.json({}))
  app.get('/metrics', metricsHandler(gate))
  server = await serve(app)
})
afterAll(async () => {
  await server.close()
  await gate.close()
})

const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  post(server, path, undefined, { method: 'GET', headers })
/** Every answer has to be as docs/openapi.yaml describes it. */
async function send(path: string, body: Uint8Array | undefined, options: PostOptions = {}): Promise<Answer> {
  const answer = await post(server, `/tools/console/api/${path}`, body, {
    type: 'application/octet-stream',
    ...options,
  })
  const { status, headers, json } = answer
  const described = { status, type: String(headers['content-type']), body: json }
  expect(deviations('POST', `/console/api/${path.replace(/\?.*/, '')}`, described)).toEqual([])
  return answer
}
const blur = async (sigma: number): Promise<Buffer> =>
  sharp(await sampleFace('f'))
    .blur(sigma)
    .jpeg()
    .toBuffer()

describe('the page', () => {
  it('comes with its files, by relative links, and a policy that allows nothing else', async () => {
    const page = await get('/tools/console/')
    expect(page.status).toBe(200)
    const policy = String(page.headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => String(link))
    expect(links.toSorted()).toEqual(['app.js', 'console.css', 'icon.svg'])
    expect(page.text).not.toMatch(/<script(?! type="module" src)|<style| style=| on\w+=/)
    for (const link of links) {
      const file = await get(`/tools/console/${link}`)
      expect(file.status).toBe(200)
      expect(file.headers['x-content-type-options']).toBe('nosniff')
      expect(file.headers['cross-origin-resource-policy']).toBe('same-origin')
    }
  })

  it('is reached without the slash too, and has no other files', async () => {
    const answer = await get('/tools/console')
    expect([answer.status, answer.headers.location]).toEqual([308, './console/'])
    expect((await get('/tools/console/package.json')).status).toBe(404)
    expect((await get('/tools/console/..%2fworker.js')).status).toBe(404)
    expect((await get('/tools/console/toString')).status).toBe(404)
  })

  it('is compressed, and not sent again while it is the same', async () => {
    const zipped = await get('/tools/console/app.js', { 'accept-encoding': 'gzip' })
    expect(zipped.headers['content-encoding']).toBe('gzip')
    const { etag } = zipped.headers
    expect((await get('/tools/console/app.js', { 'if-none-match': String(etag) })).status).toBe(304)
  })

  it('has less than 60 KB of script, compressed, that names no address outside', () => {
    const script = readFileSync('dist/console/app.js')
    expect(gzipSync(script).length).toBeLessThan(60_000)
    const addresses = [...script.toString().matchAll(/https?:\/\/[\w./-]+/g)].map(([address]) => address)
    expect(addresses.filter((address) => !address.startsWith('http://www.w3.org/'))).toEqual([])
    expect(readFileSync('dist/console/console.css', 'utf8')).not.toMatch(/url\(|@import/)
  })
})

describe('api/assess', () => {
  it('judges every face of a photo', async () => {
    const { status, headers, json } = await send('assess', samplePhoto(5))
    expect([status, headers['cache-control']]).toEqual([200, 'no-store'])
    const { faces, photo, purpose } = json as AssessAnswer
    expect(photo).toEqual({ width: 1920, height: 1398, format: 'jpeg' })
    expect([faces.length, purpose]).toEqual([5, 'probe'])
    for (const { score, box, crop, decision } of faces) {
      expect(score.value).toBeGreaterThan(0)
      expect(box.x + box.width).toBeLessThan(photo.width)
      expect(Buffer.from(crop, 'base64')).toHaveLength(112 * 112 * 3)
      expect(['accept', 'down-weight', 'reject']).toContain(decision)
    }
    expect(JSON.stringify(json)).not.toContain('embedding')
  })

  it('says what is wrong with a blurred one, and judges by the purpose it is told', async () => {
    const photo = await blur(9)
    const probe = (await send('assess', photo)).json as AssessAnswer
    expect(probe.faces[0]).toMatchObject({ decision: 'reject', weight: 0 })
    expect(probe.faces[0]?.reasons[0]).toMatchObject({ code: 'blur', advice: expect.stringContaining('blurred') })
    const enrolment = (await send('assess?purpose=enrolment&full=true', photo)).json as AssessAnswer
    expect(enrolment.purpose).toBe('enrolment')
    expect(enrolment.faces[0]?.full?.terms?.length).toBeGreaterThan(0)
  })

  it.each([
    ['nothing', undefined, 400, 'empty-body'],
    ['text', Buffer.from('hello'), 415, 'unsupported-media-type'],
    ['a photo that is cut off', samplePhoto(5).subarray(0, 20_000), 422, 'unreadable-image'],
    ['too many bytes', Buffer.alloc(2_000_001), 413, 'payload-too-large'],
  ] as const)('answers %s with problem details', async (_, body, status, code) => {
    const answer = await send('assess', body)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.json).toMatchObject({ status, code, title: expect.any(String) })
  })

  it('answers a photo without a face with advice', async () => {
    const grey = await sharp({ create: { width: 300, height: 300, channels: 3, background: '#888' } })
      .jpeg()
      .toBuffer()
    expect((await send('assess', grey)).json).toMatchObject({ code: 'no-face', reasons: [{ code: 'no_face' }] })
  })
})

describe('api/explain', () => {
  it('shows what full DifFIQA compared, and the score it came to', async () => {
    const photo = await sampleFace('f')
    const [face] = ((await send('assess?full=true', photo)).json as AssessAnswer).faces
    const { status, json } = await send('explain', Buffer.from(face?.crop ?? '', 'base64'))
    expect(status).toBe(200)
    const { score, versions } = json as ExplainAnswer
    expect(score).toEqual(face?.full)
    expect(versions.some(({ noisy }) => noisy !== undefined)).toBe(true)
    for (const { pixels, similarity } of versions) {
      expect(Buffer.from(pixels, 'base64')).toHaveLength(112 * 112 * 3)
      expect(Math.abs(similarity)).toBeLessThanOrEqual(1)
    }
  })

  it('takes a crop and nothing else', async () => {
    expect((await send('explain', Buffer.alloc(37_631))).json).toMatchObject({ status: 400, code: 'malformed-request' })
    expect((await send('explain', Buffer.alloc(37_633))).json).toMatchObject({ code: 'payload-too-large' })
  })
})

describe('who may ask', () => {
  const photo = Buffer.from('no photo')

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a neighbour of the same domain', { 'sec-fetch-site': 'same-site' }],
    ['another origin over plain HTTP', { origin: 'http://evil.example' }],
    ['an opaque origin', { origin: 'null' }],
  ])('not a page of %s', async (_, headers) => {
    for (const answer of [
      await send('assess', photo, { headers }),
      await send('explain', photo, { headers }),
      await get('/tools/console/api/rate', headers),
      await get('/tools/console/api/settings', headers),
    ]) {
      expect(answer.json).toMatchObject({ status: 403, code: 'cross-origin' })
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    }
  })

  it.each([
    ['its own page', { 'sec-fetch-site': 'same-origin', origin: 'https://behind-a-proxy.example' }],
    ['its own page over plain HTTP', { origin: 'http://here.example:81', host: 'here.example:81' }],
    ['a program', {}],
  ])('%s', async (_, headers) => {
    expect((await send('assess', photo, { headers })).status).toBe(415)
    expect((await get('/tools/console/api/settings', headers)).status).toBe(200)
  })
})

describe('what stays as it is', () => {
  it('neither events nor metrics of the gate know of trials, while the strip counts the service', async () => {
    const told = vi.fn()
    const stop = [gate.on('verdict', told), gate.on('assessed', told), gate.on('refusal', told)]
    const before = (await get('/metrics')).text.match(/^diffiqa_(verdicts|rejections|request\w+count).*$/gm)
    await send('assess', await blur(9))
    await send('assess', Buffer.from('x'))
    expect(told).not.toHaveBeenCalled()
    expect((await get('/metrics')).text.match(/^diffiqa_(verdicts|rejections|request\w+count).*$/gm)).toEqual(before)
    for (const off of stop) off()

    await post(server, '/check', await sampleFace('f'), { type: 'image/jpeg' })
    await post(server, '/check', await blur(12), { type: 'image/jpeg' })
    const { buckets } = (await get('/tools/console/api/rate')).json as RateAnswer
    const sum = (kind: 'accept' | 'reject') => buckets.reduce((total, bucket) => total + bucket[kind], 0)
    expect([sum('accept'), sum('reject')]).toEqual([1, 1])
  })

  it('tells the thresholds in force, also after they changed', async () => {
    const settings = (await get('/tools/console/api/settings')).json as SettingsAnswer
    const type = 'application/json'
    expect(deviations('GET', '/console/api/settings', { status: 200, type, body: settings })).toEqual([])
    const rate = (await get('/tools/console/api/rate')).json
    expect(deviations('GET', '/console/api/rate', { status: 200, type, body: rate })).toEqual([])
    expect(settings).toMatchObject({ policy: 'balanced', mode: 'enforce', maxBytes: 2_000_000 })
    expect(settings.thresholds).toEqual(gate.thresholds)
    gate.update({ policy: 'strict' })
    expect((await get('/tools/console/api/rate')).json).toMatchObject({
      policy: 'strict',
      thresholds: gate.manifest.scoring.thresholds.strict,
    })
    gate.update({ policy: 'balanced' })
  })
})

describe('docs/console.md', () => {
  it('has one row for each option, with its default', () => {
    const rows = [...readFileSync('docs/console.md', 'utf8').matchAll(/^\| `(\w+)` \| (\d+)( MiB)? \|/gm)].map(
      ([, option, number, unit]) => [option, Number(number) * (unit ? 2 ** 20 : 1)],
    )
    expect(Object.fromEntries(rows)).toEqual(resolveConsoleOptions())
  })
})

describe('faceQualityConsole()', () => {
  it('refuses unknown options and what is no gate', () => {
    const invalid = expect.objectContaining({ code: 'invalid-option' })
    expect(() => faceQualityConsole(gate, { maxByte: 1 } as never)).toThrow(invalid)
    expect(() => faceQualityConsole(gate, { maxConcurrent: 0 })).toThrow(invalid)
    expect(() => faceQualityConsole({} as Gate)).toThrow(invalid)
  })

  it('has only so many photos in work at once', async () => {
    let finish: (() => void) | undefined
    const waiting = new Promise<void>((resolve) => {
      finish = resolve
    })
    const slow = scriptedGate({
      assess: async () => {
        await waiting
        throw new Error('not told')
      },
    })
    const app = express()
    app.set('env', 'test')
    app.use('/console', faceQualityConsole(slow, { maxConcurrent: 1 }))
    const other = await serve(app)
    const ask = () => post(other, '/console/api/assess', Buffer.from('photo'), { type: 'image/jpeg' })
    try {
      const first = ask()
      await vi.waitFor(() => expect(slow.calls).toHaveLength(1))
      const second = await ask()
      expect(second.json).toMatchObject({ status: 503, code: 'queue-full' })
      expect(second.headers['retry-after']).toBe('1')
      finish?.()
      expect((await first).status).toBe(500)
      expect(slow.calls[0]?.options).toMatchObject({ report: false, onFailure: 'reject', faces: 'all' })
      await ask()
      expect(slow.calls).toHaveLength(2)
    } finally {
      await other.close()
    }
  })
})
