import express from 'express'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DiffiqaError, type ErrorCode } from '../../src/errors.ts'
import type { Mode, OnFailure } from '../../src/gate/types.ts'
import { faceQuality } from '../../src/plugin/face-quality.ts'
import { getFaceQuality } from '../../src/plugin/get-face-quality.ts'
import type { FaceQualityOptions } from '../../src/plugin/options.ts'
import { problemHandler } from '../../src/plugin/problem-handler.ts'
import { readyHandler } from '../../src/plugin/ready-handler.ts'
import { raw } from '../../src/plugin/sources.ts'
import { fakeAssessment } from '../fixtures/fake-gate.ts'
import { post, serve, type TestServer } from '../fixtures/http.ts'
import { scriptedGate } from '../fixtures/scripted-gate.ts'

/** A photo is its quality in hundredths, or the code of the error it causes. */
const gate = scriptedGate({
  assess: (bytes, { purpose = 'probe', mode = 'enforce' }) => {
    const text = Buffer.from(bytes).toString()
    if (text === '90,10') {
      const [good, bad] = [fakeAssessment(0.9), fakeAssessment(0.1)]
      return { ...bad, verdicts: [bad.verdict, good.verdict] }
    }
    if (!/^\d+$/.test(text)) throw new DiffiqaError(text as ErrorCode)
    return fakeAssessment(Number(text) / 100, purpose, mode)
  },
  admit: () => {
    if (admission) throw admission
  },
})
let admission: DiffiqaError | undefined

let server: TestServer
const routes: Readonly<Record<string, FaceQualityOptions>> = {
  enforce: {},
  shadow: { mode: 'shadow' },
  annotate: { mode: 'annotate' },
  pass: { onFailure: 'pass' },
  next: { onReject: 'next' },
  headers: { headers: true },
  all: { faces: 'all' },
  group: { group: (req) => req.get('X-Door') },
  enrolment: { purpose: 'enrolment', deadlineMs: 1234, maxPixels: 1000, mode: 'enforce', onFailure: 'reject' },
}
beforeAll(async () => {
  const app = express()
  for (const [name, options] of Object.entries(routes))
    app.post(`/${name}`, faceQuality(gate, { from: raw(), maxBytes: 100, ...options }), (req, res) => {
      const { verdict, bytes, probe } = getFaceQuality(req)
      res.json({
        verdict,
        bytes: Buffer.from(bytes).toString(),
        same: probe.photo === bytes,
        locals: Object.keys(res.locals),
      })
    })
  app.post('/without', (req, res) => void res.json(getFaceQuality(req)))
  app.post('/next-error', faceQuality(gate, { from: raw(), onReject: 'next' }))
  app.get('/readyz', readyHandler(gate))
  app.use('/next', ((error, req, res, _next) => {
    res.status(error.status).json({ own: error.code, kept: req.faceQuality?.verdict.decision, details: error.details })
  }) as express.ErrorRequestHandler)
  app.use(problemHandler())
  server = await serve(app)
})
afterAll(() => server.close())
beforeEach(() => {
  admission = undefined
  gate.mode = 'enforce' satisfies Mode
  ;(gate as { onFailure: OnFailure }).onFailure = 'reject'
})
const send = (route: string, photo: string) => post(server, `/${route}`, photo, { type: 'image/jpeg' })

describe('faceQuality()', () => {
  it('lets good and mediocre photos on, with the bytes and the probe', async () => {
    for (const [photo, decision] of [
      ['90', 'accept'],
      ['50', 'down-weight'],
    ] as const) {
      const { status, json } = await send('enforce', photo)
      expect(status).toBe(200)
      expect(json).toMatchObject({ verdict: { decision }, bytes: photo, same: true, locals: [] })
    }
  })

  it('refuses bad ones with problem details', async () => {
    const { status, headers, json } = await send('enforce', '10')
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      422,
      'application/problem+json',
      'no-store',
    ])
    expect(headers['face-quality']).toBeUndefined()
    expect(json).toMatchObject({
      type: 'https://github.com/express-diffiqa/express-diffiqa/blob/main/docs/errors.md#quality-rejected',
      status: 422,
      code: 'quality-rejected',
      score: 0.1,
      sigma: 0.02,
      method: 'diffiqa-r',
      threshold: 0.4,
      reasons: [{ code: 'blur', advice: 'Hold still.' }],
    })
  })

  it.each([
    ['unreadable-image', 422],
    ['no-face', 422],
    ['several-faces', 422],
    ['face-too-small', 422],
    ['too-many-pixels', 413],
    ['unsupported-media-type', 415],
    ['deadline-exceeded', 504],
    ['queue-full', 503],
    ['invalid-model-output', 500],
  ])('answers %s with %d', async (code, status) => {
    const answer = await send('enforce', code)
    expect([answer.status, answer.json.code, answer.json.status]).toEqual([status, code, status])
    expect(answer.headers['retry-after'] !== undefined).toBe(status === 503)
  })

  it('hands its options to the gate', async () => {
    await send('enrolment', '90')
    expect(gate.calls.at(-1)?.options).toMatchObject({
      purpose: 'enrolment',
      faces: 'one',
      mode: 'enforce',
      onFailure: 'reject',
      deadlineMs: 1234,
      maxPixels: 1000,
      crops: true,
    })
    await send('enforce', '90')
    expect(gate.calls.at(-1)?.options).not.toHaveProperty('deadlineMs')
    expect(gate.calls.at(-1)?.options).not.toHaveProperty('maxPixels')
  })

  it('with faces: all refuses only when no face is good enough', async () => {
    expect((await send('all', '90,10')).status).toBe(200)
    expect((await send('all', '10')).status).toBe(422)
  })

  it('sends the Face-Quality header when asked to, on both ways', async () => {
    expect((await send('headers', '87')).headers['face-quality']).toBe('accept;score=0.87;method=diffiqa-r')
    expect((await send('headers', '10')).headers['face-quality']).toBe('reject;score=0.1;method=diffiqa-r')
  })

  it("hands refusals on with onReject: 'next'", async () => {
    const { status, json } = await send('next', '10')
    expect([status, json.own, json.kept, json.details.score]).toEqual([422, 'quality-rejected', 'reject', 0.1])
    expect((await send('next', 'no-face')).json.own).toBe('no-face')
    expect((await send('next-error', 'queue-full')).json.code).toBe('queue-full')
    expect((await send('next-error', 'queue-full')).headers['retry-after']).toBe('1')
  })
})

describe.each(['shadow', 'annotate'] as const)('in %s mode', (mode) => {
  it('no photo is refused', async () => {
    expect((await send(mode, '10')).json.verdict).toMatchObject({ decision: 'reject', mode, degraded: false })
    for (const code of ['no-face', 'unreadable-image', 'unsupported-media-type', 'deadline-exceeded', 'queue-full']) {
      const { status, json } = await send(mode, code)
      expect(status).toBe(200)
      expect(json).toMatchObject({ verdict: { decision: 'accept', degraded: true, failure: code, mode }, bytes: code })
    }
  })

  it('a request without a usable photo goes on too, but not one that was cut off', async () => {
    expect((await send(mode, '')).json).toMatchObject({ verdict: { degraded: true, failure: 'empty-body' }, bytes: '' })
    expect((await post(server, `/${mode}`, 'x'.repeat(300_000), { chunked: true })).status).toBe(413)
  })

  it('comes from the gate where the route does not say', async () => {
    gate.mode = mode
    expect((await send('enforce', '10')).json.verdict).toMatchObject({ decision: 'reject', mode })
  })

  it('the queue is not asked before the body is read', async () => {
    admission = new DiffiqaError('queue-full')
    expect((await send(mode, '90')).status).toBe(200)
    expect((await send('enforce', '90')).status).toBe(503)
  })
})

describe('what it tells the gate', () => {
  it('the group that the application names, or none', async () => {
    const from = gate.calls.length
    await post(server, '/group', '90', { type: 'image/jpeg', headers: { 'X-Door': 'north' } })
    await send('group', '90')
    await send('enforce', '90')
    expect(gate.calls.slice(from).map(({ options }) => options.group)).toEqual(['north', undefined, undefined])
  })

  it('each refusal, as a photo withheld from the matcher; never a photo that it lets on', async () => {
    const purposes: string[] = []
    const stop = gate.on('withheld', ({ purpose }) => purposes.push(purpose))
    for (const photo of ['90', '50']) await send('enforce', photo)
    await send('shadow', '10')
    await send('annotate', 'no-face')
    await send('pass', '90')
    expect(purposes).toEqual([])
    for (const [route, photo] of [
      ['enforce', '10'],
      ['next', '10'],
      ['enforce', 'no-face'],
      ['enrolment', '10'],
    ] as const)
      await send(route, photo)
    stop()
    expect(purposes).toEqual(['probe', 'probe', 'probe', 'enrolment'])
  })
})

describe("onFailure: 'pass'", () => {
  it('reads the body whatever the queue looks like', async () => {
    admission = new DiffiqaError('queue-full')
    expect((await send('pass', '90')).json.bytes).toBe('90')
    expect(gate.calls.at(-1)?.options.onFailure).toBe('pass')
    ;(gate as { onFailure: OnFailure }).onFailure = 'pass'
    expect((await send('enforce', '90')).status).toBe(200)
  })
})

describe('the small handlers', () => {
  it('getFaceQuality() says that the middleware is missing', async () => {
    const { status, json } = await send('without', '90')
    expect([status, json.code]).toEqual([500, 'not-assessed'])
  })

  it('readyHandler() follows the gate', async () => {
    const ask = () => post(server, '/readyz', undefined, { method: 'GET' })
    expect([(await ask()).status, (await ask()).json]).toEqual([200, { ready: true }])
    gate.ready = false
    const answer = await ask()
    expect([answer.status, answer.json, answer.headers['cache-control']]).toEqual([503, { ready: false }, 'no-store'])
    gate.ready = true
  })
})
