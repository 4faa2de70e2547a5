import express from 'express'
import type { Registry } from 'prom-client'
import { guard } from '../../src/adapters/guard.ts'
import type { Matcher } from '../../src/adapters/matcher.ts'
import { GateCore } from '../../src/gate/gate-core.ts'
import { type GateOptions, resolveOptions } from '../../src/gate/options.ts'
import { loadManifest } from '../../src/inference/manifest-file.ts'
import { createPiscinaBackend, type PiscinaBackendOptions } from '../../src/inference/piscina-backend.ts'
import { createMetrics } from '../../src/metrics/create-metrics.ts'
import { faceQuality } from '../../src/plugin/face-quality.ts'
import { getFaceQuality } from '../../src/plugin/get-face-quality.ts'
import { metricsHandler } from '../../src/plugin/metrics-handler.ts'
import { problemHandler } from '../../src/plugin/problem-handler.ts'
import { raw } from '../../src/plugin/sources.ts'
import { type Answer, post, serve, type TestServer } from '../fixtures/http.ts'
import { answerOf, fullAnswerOf, score, scoredFace } from '../gate/puppet-gate.ts'
import { builtSources } from '../inference/fixtures/built-sources.ts'
import { type Sample, samplesOf } from '../metrics/series.ts'
import { testManifest } from '../quality/stand-ins.ts'

/** What a photo makes its worker do. */
export interface Plan {
  /** Milliseconds before the rest. */
  readonly ms?: number
  readonly do?: 'exit' | 'hang' | 'allocate' | 'throw'
  /** Which score; a nonsensical one is that of a broken network. @default 'good' */
  readonly say?: 'good' | 'uncertain' | 'nan' | 'nothing'
}

const FULL_FAULTS = ['none', 'exit', 'hang', 'allocate', 'throw'] as const

export interface FaultServer extends TestServer {
  readonly gate: GateCore
  readonly register: Registry
  /** What is asked of the matcher, which otherwise knows everybody. */
  matcher: () => Promise<unknown>
  send(path: string, plan?: Plan): Promise<Answer>
  /** How full DifFIQA goes wrong from now on, after so many milliseconds. */
  breakFull(fault: (typeof FULL_FAULTS)[number], ms?: number): void
  metrics(): Promise<Sample[]>
}

/**
 * A real server over a real gate over real worker threads, only that photos say what happens to them: `/raw`, `/short` with 300 ms,
 * `/pass` with onFailure 'pass', `/slow-answer` whose answer does not end, `/timed` with a matcher that may take 200 ms.
 */
export async function faultServer(
  options: GateOptions = {},
  backendOptions: Partial<PiscinaBackendOptions> = {},
): Promise<FaultServer> {
  const full = new Int32Array(new SharedArrayBuffer(8))
  const broken = scoredFace(0.9, { fast: { ...score(0.9), value: Number.NaN } })
  const answers = {
    good: answerOf(0.9),
    uncertain: answerOf(0.57),
    nan: answerOf(broken),
    nothing: { faces: [] },
    full: fullAnswerOf(1),
  }
  const resolved = resolveOptions({ workers: 1, watchdogMs: 5000, deadlineMs: 10_000, ...options }, 2)
  const backend = createPiscinaBackend({
    workerUrl: new URL('./fixtures/fault-worker.mjs', import.meta.url),
    workerData: { serveTasks: new URL('serve-tasks.js', builtSources()).href, answers, full },
    workers: resolved.workers,
    maxQueue: resolved.maxQueue,
    maxFull: resolved.maxFull,
    watchdogMs: resolved.watchdogMs,
    ...backendOptions,
  })
  await backend.whenReady()
  const loadMs = { detector: 1, embedder: 1, denoiser: 1, regressor: 1 }
  const { models } = await loadManifest()
  const manifest = { ...testManifest(), models }
  const gate = new GateCore({ options: resolved, manifest, backend, warmUp: { loadMs, fullMs: 1 } })
  const { register } = createMetrics(gate)
  const matcher = {
    name: 'everybody',
    scale: { direction: 'similarity' as const, min: 0, max: 1, impostorMean: 0.2, defaultThreshold: 0.5 },
    identify: async () => {
      await faults.matcher()
      return [{ subject: 'somebody', score: 0.9, source: {} }]
    },
  } satisfies Matcher
  const guarded = guard(matcher, gate)
  const app = express()
  app.set('env', 'test')
  for (const path of ['raw', 'short', 'pass', 'timed'])
    app.post(
      `/${path}`,
      faceQuality(gate, {
        from: raw(),
        ...(path === 'short' && { deadlineMs: 300 }),
        ...(path === 'pass' && { onFailure: 'pass' }),
      }),
      async (req, res) => {
        const signal = path === 'timed' ? { signal: AbortSignal.timeout(200) } : {}
        const { candidates, verdict } = await guarded.identify(getFaceQuality(req), signal)
        res.json({ candidate: candidates[0]?.subject, degraded: verdict.degraded, escalation: verdict.escalation })
      },
    )
  app.post('/slow-answer', faceQuality(gate, { from: raw() }), async (req, res) => {
    await guarded.identify(getFaceQuality(req))
    res.write('{"candidate":')
  })
  app.get('/metrics', metricsHandler(gate))
  app.use(problemHandler())
  const server = await serve(app)
  const faults: FaultServer = {
    ...server,
    gate,
    register,
    matcher: async () => {},
    send: (path, plan = {}) => post(server, path, JSON.stringify(plan), { type: 'image/jpeg' }),
    breakFull: (fault, ms = 0) => full.set([FULL_FAULTS.indexOf(fault), ms]),
    metrics: async () => samplesOf((await post(server, '/metrics', undefined, { method: 'GET' })).text),
    close: async () => {
      await server.close()
      await gate.close({ timeoutMs: 0 })
    },
  }
  return faults
}
