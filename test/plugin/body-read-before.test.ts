import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express, { type RequestHandler } from 'express'
import multer from 'multer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faceQuality } from '../../src/plugin/face-quality.ts'
import { getFaceQuality } from '../../src/plugin/get-face-quality.ts'
import { base64, multipart, raw } from '../../src/plugin/sources.ts'
import { FORM_TYPE, form, post, serve, type TestServer } from '../fixtures/http.ts'
import { scriptedGate } from '../fixtures/scripted-gate.ts'

const PHOTO = Buffer.from('the bytes of a photo')
const uploads = mkdtempSync(join(tmpdir(), 'diffiqa-uploads-'))
const gate = scriptedGate()

/** Reads the request to its end and keeps nothing. */
const drain: RequestHandler = (req, _res, next) => {
  req.on('end', () => next()).resume()
}

const before: Readonly<Record<string, RequestHandler>> = {
  nothing: (_req, _res, next) => next(),
  json: express.json(),
  raw: express.raw({ type: '*/*' }),
  memory: multer({ storage: multer.memoryStorage() }).single('photo'),
  disk: multer({ dest: uploads }).single('photo'),
  array: multer().array('photo', 5),
  any: multer().any(),
  urlencoded: express.urlencoded(),
  text: express.text({ type: '*/*' }),
  drain,
}

let server: TestServer
beforeAll(async () => {
  const app = express()
  app.set('env', 'test')
  for (const [name, middleware] of Object.entries(before)) {
    const answer: RequestHandler = (req, res) => void res.type('text').send(Buffer.from(getFaceQuality(req).bytes))
    app.post(`/form/${name}`, middleware, faceQuality(gate, { from: multipart('photo'), maxBytes: 100 }), answer)
    app.post(`/raw/${name}`, middleware, faceQuality(gate, { from: raw(), maxBytes: 100 }), answer)
    app.post(`/json/${name}`, middleware, faceQuality(gate, { from: base64('image'), maxBytes: 100 }), answer)
    app.post(`/any/${name}`, middleware, faceQuality(gate, { maxBytes: 100 }), answer)
  }
  app.use(
    ((error, _req, res, _next) =>
      void res.status(error.status ?? 400).json({ app: error.code ?? error.type })) as express.ErrorRequestHandler,
  )
  server = await serve(app)
})
afterAll(async () => {
  await server.close()
  rmSync(uploads, { recursive: true })
})

const photo = { name: 'photo', content: PHOTO, filename: 'a.jpg' }
const bodies = {
  right: form([{ name: 'note', content: 'text' }, photo]),
  avatar: form([{ ...photo, name: 'avatar' }]),
  two: form([photo, photo]),
  open: form([photo], { closed: false }),
}

describe('a form behind another parser', () => {
  it.each(['nothing', 'json', 'raw', 'memory', 'disk', 'array', 'any', 'urlencoded'])(
    '%s: the photo is found',
    async (name) => {
      const { status, text, ms } = await post(server, `/form/${name}`, bodies.right, { type: FORM_TYPE })
      expect([status, text]).toEqual([200, PHOTO.toString()])
      expect(ms).toBeLessThan(2000)
      expect((await post(server, `/any/${name}`, bodies.right, { type: FORM_TYPE })).text).toBe(PHOTO.toString())
    },
  )

  it.each([
    ['avatar', 'nothing', 400, 'missing-field'],
    ['avatar', 'json', 400, 'missing-field'],
    ['avatar', 'raw', 400, 'missing-field'],
    ['avatar', 'any', 400, 'missing-field'],
    ['two', 'nothing', 400, 'several-files'],
    ['two', 'json', 400, 'several-files'],
    ['two', 'raw', 400, 'several-files'],
    ['two', 'array', 400, 'several-files'],
    ['two', 'any', 400, 'several-files'],
    ['open', 'nothing', 400, 'malformed-request'],
    ['open', 'json', 400, 'malformed-request'],
    ['open', 'raw', 400, 'malformed-request'],
    ['right', 'drain', 500, 'body-already-read'],
    ['avatar', 'drain', 500, 'body-already-read'],
    ['two', 'drain', 500, 'body-already-read'],
    ['open', 'drain', 500, 'body-already-read'],
  ] as const)('%s behind %s: %d %s', async (body, name, status, code) => {
    const answer = await post(server, `/form/${name}`, bodies[body], { type: FORM_TYPE })
    expect([answer.status, answer.json.code]).toEqual([status, code])
    if (code === 'missing-field') expect(answer.json.detail).toContain('"photo"')
    if (code === 'body-already-read') expect(answer.json.detail).toContain('read the request body before')
    expect(answer.ms).toBeLessThan(2000)
  })

  it.each(['nothing', 'json', 'raw'])('without boundary parameter behind %s', async (name) => {
    const { status, json } = await post(server, `/form/${name}`, bodies.right, { type: 'multipart/form-data' })
    expect([status, json.code]).toEqual([400, 'malformed-request'])
  })

  it.each([
    ['avatar', 'memory', 'LIMIT_UNEXPECTED_FILE'],
    ['two', 'disk', 'LIMIT_UNEXPECTED_FILE'],
  ] as const)("%s behind %s: multer's own error goes to the application", async (body, name, code) => {
    expect((await post(server, `/form/${name}`, bodies[body], { type: FORM_TYPE })).json).toEqual({ app: code })
  })

  it('is limited wherever it was kept', async () => {
    const large = form([{ ...photo, content: Buffer.alloc(101) }])
    for (const name of ['nothing', 'raw', 'memory', 'disk']) {
      const { status, json } = await post(server, `/form/${name}`, large, { type: FORM_TYPE })
      expect([name, status, json.code]).toEqual([name, 413, 'payload-too-large'])
    }
  })

  it("leaves no file of the gate's on disk", async () => {
    const files = readdirSync(uploads).length
    await post(server, '/form/nothing', bodies.right, { type: FORM_TYPE })
    await post(server, '/form/raw', bodies.open, { type: FORM_TYPE })
    expect(readdirSync(uploads).length).toBe(files)
    expect(readdirSync(process.cwd()).filter((name) => name.startsWith('upload'))).toEqual([])
  })
})

describe('bare bytes behind another parser', () => {
  it.each(['nothing', 'json', 'raw', 'memory', 'urlencoded'])('%s: the photo is found', async (name) => {
    for (const path of [`/raw/${name}`, `/any/${name}`])
      expect((await post(server, path, PHOTO, { type: 'image/jpeg' })).text).toBe(PHOTO.toString())
  })

  it('drained: says so', async () => {
    for (const path of ['/raw/drain', '/any/drain'])
      expect((await post(server, path, PHOTO, { type: 'image/jpeg' })).json.code).toBe('body-already-read')
  })

  it('empty: 400, whoever looked at it', async () => {
    for (const path of [
      '/raw/nothing',
      '/raw/raw',
      '/raw/json',
      '/raw/drain',
      '/form/nothing',
      '/json/nothing',
      '/any/nothing',
    ])
      for (const body of ['', undefined]) {
        const { status, json } = await post(server, path, body, { type: 'image/jpeg' })
        expect([path, status, json.code]).toEqual([path, 400, 'empty-body'])
      }
  })
})

describe('JSON behind another parser', () => {
  const document = JSON.stringify({ image: PHOTO.toString('base64') })
  const send = (name: string, body: string) =>
    post(server, `/json/${name}`, body, { type: 'application/json; charset=utf-8' })

  it.each(['nothing', 'json', 'raw', 'text'])('%s: the photo is found', async (name) => {
    expect((await send(name, document)).text).toBe(PHOTO.toString())
  })

  it.each(['nothing', 'json', 'raw'])('%s: bad documents', async (name) => {
    const codes = await Promise.all(
      [
        '{"image":"@@@@"}',
        '{"image":""}',
        '{"image":5}',
        '{"image":[]}',
        '{"image":{}}',
        '{}',
        '[]',
        '{"__proto__":{"image":"QUJD"}}',
      ].map(async (body) => (await send(name, body)).json.code),
    )
    const missing = 'missing-field'
    expect(codes).toEqual(['invalid-base64', 'empty-body', missing, missing, missing, missing, missing, missing])
  })

  it('is read by the gate itself where nobody has', async () => {
    for (const body of ['5', '"QUJD"', 'null']) expect((await send('nothing', body)).json.code).toBe('missing-field')
    for (const body of ['{', '{"image":"QUJD"', 'image=QUJD', '\xff\xfe']) {
      const { status, json } = await send('nothing', body)
      expect([status, json.code]).toEqual([400, 'malformed-request'])
      expect(json.detail).toBe('The body is not valid JSON')
    }
  })

  it("leaves the application's own JSON limit to the application", async () => {
    const answer = await send('json', JSON.stringify({ image: 'A'.repeat(150_000) }))
    expect([answer.status, answer.json]).toEqual([413, { app: 'entity.too.large' }])
  })

  it('drained: says so', async () => {
    expect((await send('drain', document)).json.code).toBe('body-already-read')
  })
})

describe('the content type', () => {
  it.each([
    ['/form/nothing', 'image/jpeg', 'multipart/form-data'],
    ['/form/nothing', 'application/json', 'multipart/form-data'],
    ['/form/nothing', undefined, 'content type is missing'],
    ['/json/nothing', 'image/jpeg', 'application/json'],
    ['/json/nothing', FORM_TYPE, 'application/json'],
    ['/raw/nothing', FORM_TYPE, 'image/jpeg'],
    ['/raw/nothing', 'application/json', 'image/jpeg'],
  ])('%s with %s: 415 that says what to send', async (path, type, hint) => {
    const { status, json } = await post(server, path, PHOTO, type === undefined ? {} : { type })
    expect([status, json.code]).toEqual([415, 'unsupported-media-type'])
    expect(json.detail).toContain(hint)
  })

  it('of bare bytes does not matter: the content decides', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream'])
      expect((await post(server, '/raw/nothing', PHOTO, { type })).text).toBe(PHOTO.toString())
  })

  it('of JSON may be a vendor type', async () => {
    const body = JSON.stringify({ image: PHOTO.toString('base64') })
    expect((await post(server, '/json/nothing', body, { type: 'application/vnd.example+json' })).text).toBe(
      PHOTO.toString(),
    )
  })

  it('of a compressed body: 415', async () => {
    const options = { type: 'image/jpeg', headers: { 'Content-Encoding': 'gzip' } }
    expect((await post(server, '/raw/nothing', PHOTO, options)).json.code).toBe('unsupported-media-type')
  })
})
