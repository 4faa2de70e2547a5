import express from 'express'
import { guard } from '../../src/adapters/guard.ts'
import type { Matcher, Probe } from '../../src/adapters/matcher.ts'
import { createGate } from '../../src/gate/create-gate.ts'
import type { Gate } from '../../src/gate/gate.ts'
import type { GateOptions } from '../../src/gate/options.ts'
import { faceQuality } from '../../src/plugin/face-quality.ts'
import { getFaceQuality } from '../../src/plugin/get-face-quality.ts'
import { metricsHandler } from '../../src/plugin/metrics-handler.ts'
import type { FaceQualityOptions } from '../../src/plugin/options.ts'
import { problemHandler } from '../../src/plugin/problem-handler.ts'
import { readyHandler } from '../../src/plugin/ready-handler.ts'
import { base64, dataUrl, multipart, raw } from '../../src/plugin/sources.ts'
import { type Answer, type PostOptions, post, serve, type TestServer } from '../fixtures/http.ts'
import { type Sample, samplesOf } from '../metrics/series.ts'

export interface TrialServer extends TestServer {
  readonly gate: Gate
  /** Photos that reached the matcher. */
  readonly matched: Uint8Array[]
  /** What reached the application's own error handler: everything of `/next`. */
  readonly errors: unknown[]
  send(path: string, body: Uint8Array | string | undefined, options?: PostOptions): Promise<Answer>
  metrics(): Promise<Sample[]>
}

/**
 * A real server with a real gate on one worker, in front of a matcher that knows everybody: `/m` takes a form's file `photo`, `/raw` the
 * body, `/short` too but with little time, `/b64` and `/data` JSON's field `image`, `/any`, `/next` and `/pass` whatever comes;
 * `/discard` reads a body without a gate.
 */
export async function trialServer(
  gateOptions: GateOptions = {},
  options: FaceQualityOptions = {},
): Promise<TrialServer> {
  const gate = await createGate({ workers: 1, escalationBudget: 0, ...gateOptions })
  const matched: Uint8Array[] = []
  const errors: unknown[] = []
  const matcher = {
    name: 'everybody',
    scale: { direction: 'similarity' as const, min: 0, max: 1, impostorMean: 0.2, defaultThreshold: 0.5 },
    identify: async (probe: Probe) => {
      matched.push(probe.photo)
      return [{ subject: 'somebody', score: 0.9, source: {} }]
    },
  } satisfies Matcher
  const guarded = guard(matcher, gate)
  const app = express()
  app.set('env', 'test')
  const routes: Readonly<Record<string, FaceQualityOptions>> = {
    m: { from: multipart('photo') },
    raw: { from: raw() },
    short: { from: raw(), deadlineMs: 1500 },
    b64: { from: base64('image') },
    data: { from: dataUrl('image') },
    any: {},
    next: { onReject: 'next' },
    pass: { onFailure: 'pass' },
  }
  for (const [path, route] of Object.entries(routes))
    app.post(`/${path}`, faceQuality(gate, { ...options, ...route }), async (req, res) => {
      const { verdict } = getFaceQuality(req)
      const [candidate] = (await guarded.identify(getFaceQuality(req))).candidates
      const { decision, score, face, degraded } = verdict
      res.json({ decision, degraded, value: score?.value, box: face?.box, candidate: candidate?.subject })
    })
  app.post('/discard', (req, res) => void req.on('end', () => res.json({})).resume())
  app.get('/metrics', metricsHandler(gate))
  app.get('/readyz', readyHandler(gate))
  app.use(((error, _req, _res, next) => {
    errors.push(error)
    next(error)
  }) as express.ErrorRequestHandler)
  app.use(problemHandler())
  const server = await serve(app)
  return {
    ...server,
    gate,
    matched,
    errors,
    send: (path, body, given) => post(server, path, body, { type: 'image/jpeg', ...given }),
    metrics: async () => samplesOf((await post(server, '/metrics', undefined, { method: 'GET' })).text),
    close: async () => {
      await server.close()
      await gate.close()
    },
  }
}
