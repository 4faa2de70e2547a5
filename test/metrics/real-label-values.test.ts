import express from 'express'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { guard } from '../../src/adapters/guard.ts'
import type { Matcher } from '../../src/adapters/matcher.ts'
import { createGate } from '../../src/gate/create-gate.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { faceQuality } from '../../src/plugin/face-quality.ts'
import { getFaceQuality } from '../../src/plugin/get-face-quality.ts'
import { metricsHandler } from '../../src/plugin/metrics-handler.ts'
import { post, serve, type TestServer } from '../fixtures/http.ts'
import { sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'
import { flat } from '../http/pictures.ts'
import { type Sample, samplesOf, sum } from './series.ts'

let gate: Gate
let server: TestServer

beforeAll(async () => {
  gate = await createGate({ workers: 1, escalationBudget: 0, deadlineMs: 30_000 })
  const people = new Set<string>()
  const guarded = guard(
    {
      name: 'memory',
      scale: { direction: 'similarity', min: 0, max: 1, impostorMean: 0.2, defaultThreshold: 0.5 },
      identify: async () => {
        if (people.size === 0) throw new Error('nobody is there')
        return [...people].map((subject) => ({ subject, score: 0.9, source: {} }))
      },
      verify: async () => ({ score: 0.9, source: {} }),
      enrol: async (subject: string) => {
        people.add(subject)
        return { subject, source: {} }
      },
      remove: async (subject: string) => void people.delete(subject),
    } satisfies Matcher,
    gate,
  )
  const app = express()
  app.put('/people', faceQuality(gate, { purpose: 'enrolment' }), async (req, res) => {
    await guarded.enrol('ada', getFaceQuality(req))
    res.json({})
  })
  app.delete('/people', async (_req, res) => {
    await guarded.remove('ada')
    res.json({})
  })
  app.post('/verify', faceQuality(gate), async (req, res) => {
    await guarded.verify(getFaceQuality(req), { subject: 'ada' })
    res.json({})
  })
  for (const mode of ['enforce', 'shadow', 'annotate'] as const)
    app.post(`/${mode}`, faceQuality(gate, { mode, maxBytes: 4_000_000 }), async (req, res) => {
      await guarded.identify(getFaceQuality(req))
      res.json({})
    })
  app.use(((_error, _req, res, _next) => void res.status(500).json({})) as express.ErrorRequestHandler)
  app.get('/metrics', metricsHandler(gate))
  server = await serve(app)
})
afterAll(async () => {
  await server?.close()
  await gate?.close()
})

const send = async (path: string, body?: Uint8Array, method = 'POST') =>
  (await post(server, path, body, { method, type: 'image/jpeg' })).status
/** Values of a label that were counted. */
const counted = (samples: readonly Sample[], name: string, label: string): string[] =>
  [
    ...new Set(samples.filter((each) => each.name === name && each.value > 0).map(({ labels }) => labels[label] ?? '')),
  ].sort()

it('real requests count under each mode, purpose, operation and reason', { timeout: 120_000 }, async () => {
  const face = await sampleFace('f')
  const made = (change: (photo: ReturnType<typeof sharp>) => ReturnType<typeof sharp>) =>
    change(sharp(face)).jpeg({ quality: 95 }).toBuffer()
  const ruined = await made((photo) => photo.blur(14))
  expect(await send('/enforce', face)).toBe(500)
  expect(await send('/people', face, 'PUT')).toBe(200)
  expect(await send('/people', ruined, 'PUT')).toBe(422)
  for (const path of ['/enforce', '/shadow', '/annotate', '/verify']) expect(await send(path, face)).toBe(200)
  for (const path of ['/shadow', '/annotate']) expect(await send(path, ruined)).toBe(200)
  const tiny = await sharp(face).resize(60).toBuffer()
  const refused = [
    ruined,
    await made((photo) => photo.linear(0.1, 0)),
    await sharp({ create: { width: 400, height: 400, channels: 3, background: '#888' } })
      .composite([{ input: tiny, left: 150, top: 150 }])
      .jpeg()
      .toBuffer(),
    await flat(300, 300).jpeg().toBuffer(),
    samplePhoto(1),
    face.subarray(0, face.length / 2),
    Buffer.from('no photo'),
    Buffer.alloc(4_000_001),
  ]
  for (const photo of refused) expect(await send('/enforce', photo)).toBeGreaterThanOrEqual(413)
  expect(await send('/people', undefined, 'DELETE')).toBe(200)

  const samples = samplesOf((await post(server, '/metrics', undefined, { method: 'GET' })).text)
  expect(counted(samples, 'diffiqa_verdicts_total', 'mode')).toEqual(['annotate', 'enforce', 'shadow'])
  expect(counted(samples, 'diffiqa_verdicts_total', 'purpose')).toEqual(['enrolment', 'probe'])
  expect(counted(samples, 'diffiqa_score_count', 'purpose')).toEqual(['enrolment', 'probe'])
  expect(sum(samples, 'diffiqa_verdicts_total', { mode: 'shadow', decision: 'reject' })).toBe(1)
  const calls = 'diffiqa_matcher_calls_total'
  expect(counted(samples, calls, 'operation')).toEqual(['enrol', 'identify', 'remove', 'verify'])
  expect(counted(samples, calls, 'outcome')).toEqual(['error', 'ok', 'withheld'])
  expect(sum(samples, calls, { operation: 'enrol', outcome: 'withheld' })).toBe(1)
  expect(counted(samples, 'diffiqa_matcher_duration_seconds_count', 'operation')).toContain('verify')
  const reasons = counted(samples, 'diffiqa_rejections_total', 'reason')
  for (const reason of ['blur', 'dark', 'several_faces', 'unreadable', 'unsupported', 'too_large'])
    expect(reasons).toContain(reason)
  // The small face is found or not, by the detector's weights.
  expect(reasons.includes('too_small') || reasons.includes('no_face')).toBe(true)
  const requests = sum(samples, 'diffiqa_request_duration_seconds_count', { decision: 'reject' })
  expect(requests).toBe(sum(samples, 'diffiqa_rejections_total'))
})
