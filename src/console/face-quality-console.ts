import { type NextFunction, type Request, type Response, Router } from 'express'
import { DiffiqaError, isDiffiqaError } from '../errors.ts'
import type { Gate } from '../gate/gate.ts'
import type { Purpose } from '../inference/manifest.ts'
import { requireGate } from '../plugin/options.ts'
import { readProbe } from '../plugin/read-probe.ts'
import { sendProblem } from '../plugin/send-problem.ts'
import { raw } from '../plugin/sources.ts'
import { watchClient } from '../plugin/watch-client.ts'
import { loadAssets, sendAsset } from './assets.ts'
import { type ConsoleOptions, resolveConsoleOptions } from './options.ts'
import { BUCKET_SECONDS, Rates } from './rates.ts'
import { requireSameOrigin } from './same-origin.ts'
import { assessAnswer, explainAnswer, type RateAnswer, type SettingsAnswer } from './wire.ts'

/** 112 × 112 × 3. */
const CROP_BYTES = 37_632

/** Reads the body of one request and answers with something to be sent as JSON. */
type Work = (bytes: Uint8Array, req: Request, signal: AbortSignal) => Promise<object>

/**
 * A page on which operators try photos on the gate: an Express router to be mounted behind whatever authentication the application has.
 * Photos are scored in memory and forgotten; they are neither counted in the gate's events and metrics nor logged.
 *
 * ```ts
 * app.use('/console', requireOperator, faceQualityConsole(gate))
 * ```
 * It tells exact scores, which would help an attacker to climb: never leave it open to the public. Requests that a page of another origin
 * makes are refused.
 * @throws DiffiqaError `invalid-option`, `console-missing`.
 */
export function faceQualityConsole(gate: Gate, options: ConsoleOptions = {}): Router {
  requireGate(gate)
  const { maxBytes, uploadTimeoutMs, deadlineMs, maxConcurrent } = resolveConsoleOptions(options)
  const assets = loadAssets()
  const rates = new Rates()
  gate.on('assessed', (event) => rates.add(event))
  const router = Router({ strict: true })
  let busy = 0

  const post = (path: string, limit: number, work: Work): void => {
    router.post(path, async (req, res, next) => {
      const client = watchClient(res)
      let begun = false
      try {
        requireSameOrigin(req)
        if (busy >= maxConcurrent) throw tooMany()
        begun = true
        busy++
        const bytes = await readProbe(req, { from: raw(), maxBytes: limit, uploadTimeoutMs }, client.signal)
        const answer = await work(bytes, req, client.signal)
        client.stop()
        res.set('Cache-Control', 'no-store').json(answer)
      } catch (error) {
        client.stop()
        if (!client.signal.aborted) refuse(error, req, res, next)
      } finally {
        if (begun) busy--
      }
    })
  }

  post('/api/assess', maxBytes, async (bytes, req, signal) => {
    const purpose: Purpose = req.query.purpose === 'enrolment' ? 'enrolment' : 'probe'
    const full = req.query.full === 'true'
    const usual = { faces: 'all', crops: true, report: false, mode: 'enforce', onFailure: 'reject' } as const
    return assessAnswer(await gate.assess(bytes, { ...usual, purpose, full, deadlineMs, signal }), purpose)
  })

  post('/api/explain', CROP_BYTES, async (pixels, _req, signal) => {
    if (pixels.length !== CROP_BYTES)
      throw new DiffiqaError('malformed-request', `A crop has ${CROP_BYTES} bytes, not ${pixels.length}`)
    return explainAnswer(await gate.explain({ pixels }, { deadlineMs, signal }))
  })

  router.get('/api/settings', (req, res, next) =>
    tell(req, res, next, (): SettingsAnswer => {
      const { mode, policy, thresholds, preset, manifest } = gate
      const { modelVersion, scoring } = manifest
      return { modelVersion, preset, mode, policy, thresholds, policies: scoring.thresholds, maxBytes }
    }),
  )

  router.get('/api/rate', (req, res, next) =>
    tell(req, res, next, (): RateAnswer => {
      const { policy, thresholds } = gate
      return { bucketSeconds: BUCKET_SECONDS, buckets: rates.read(), policy, thresholds }
    }),
  )

  router.get(['/', '/:file'], (req, res, next) => {
    const asset = assets.get(String(req.params.file ?? ''))
    if (!asset) return next()
    const path = req.originalUrl.replace(/\?.*$/s, '')
    // The page's own links are relative, so that it works under any path and behind proxies that change it.
    if (req.params.file === undefined && !path.endsWith('/'))
      return res.redirect(308, `./${path.slice(path.lastIndexOf('/') + 1)}/`)
    sendAsset(asset, req, res)
  })

  return router
}

function tell(req: Request, res: Response, next: NextFunction, answer: () => object): void {
  try {
    requireSameOrigin(req)
    res.set('Cache-Control', 'no-store').json(answer())
  } catch (error) {
    refuse(error, req, res, next)
  }
}

function refuse(error: unknown, req: Request, res: Response, next: NextFunction): void {
  if (isDiffiqaError(error)) sendProblem(req, res, error)
  else next(error)
}

function tooMany(): DiffiqaError {
  const message = 'The console has as many photos in work as it takes at once'
  return new DiffiqaError('queue-full', message, { retryAfterSeconds: 1, details: { reason: 'capacity' } })
}
