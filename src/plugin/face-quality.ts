import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { createProbe, type FaceQuality } from '../adapters/probe.ts'
import { DiffiqaError, isDiffiqaError } from '../errors.ts'
import { degradedAssessment } from '../gate/degraded.ts'
import type { Gate } from '../gate/gate.ts'
import { qualityRejected } from '../gate/quality-rejected.ts'
import type { Assessment, Mode } from '../gate/types.ts'
import { faceQualityHeader } from './face-quality-header.ts'
import { type FaceQualityOptions, type ResolvedOptions, requireGate, resolveOptions } from './options.ts'
import { readProbe } from './read-probe.ts'
import { reportUnread } from './report-unread.ts'
import { sendProblem, setRefusalHeaders } from './send-problem.ts'
import { watchClient } from './watch-client.ts'

/**
 * Express middleware: takes the photo out of the request, has the gate judge it, and lets the request on with `req.faceQuality`, or refuses
 * it with problem details (RFC 9457; docs/http.md has the statuses). A client that leaves is answered nothing and its work is dropped.
 *
 * ```ts
 * app.post('/identify', faceQuality(gate, { from: multipart('photo') }), async (req, res) => {
 *   res.json(await guarded.identify(getFaceQuality(req)))
 * })
 * ```
 * @throws DiffiqaError `invalid-option` at once, when an option is unknown or unusable.
 */
export function faceQuality(gate: Gate, options: FaceQualityOptions = {}): RequestHandler {
  requireGate(gate)
  const resolved = resolveOptions(options)
  return async function faceQualityMiddleware(req, res, next) {
    const client = watchClient(res)
    const mode = resolved.mode ?? gate.mode
    try {
      const quality = await assess(req, { gate, options: resolved, mode, client: client.signal })
      client.stop()
      req.faceQuality = quality
      if (resolved.headers) res.setHeader('Face-Quality', faceQualityHeader(quality.verdict))
      if (mode === 'enforce' && isRejected(quality)) refuse(req, res, next, qualityRejected(quality.verdict, 'probe'))
      else next()
    } catch (error) {
      client.stop()
      const known = isDiffiqaError(error)
      if (client.signal.aborted || (known && error.code === 'client-gone')) return
      if (known) refuse(req, res, next, error)
      else next(error)
    }
  }

  function refuse(req: Request, res: Response, next: NextFunction, error: DiffiqaError): void {
    gate.emit('withheld', { purpose: resolved.purpose })
    if (resolved.onReject === 'respond') {
      sendProblem(req, res, error)
    } else {
      if (!res.headersSent) setRefusalHeaders(req, res, error)
      next(error)
    }
  }
}

interface Context {
  readonly gate: Gate
  readonly options: ResolvedOptions
  readonly mode: Mode
  readonly client: AbortSignal
}

/** With `faces: 'all'` one good face is enough: the handler has the verdict of each. */
const isRejected = ({ verdicts }: Assessment): boolean => verdicts.every(({ decision }) => decision === 'reject')

/** True unless reading stopped in the middle of the body: only then can nobody after the gate use the request. */
const isIntact = (req: Request): boolean => req.readableEnded || !req.readableDidRead

async function assess(req: Request, context: Context): Promise<FaceQuality> {
  const { gate, options, mode, client } = context
  const { purpose, faces, onFailure = gate.onFailure, deadlineMs, maxPixels } = options
  const group = options.group?.(req)
  // Where a photo that cannot be scored is let through, it has to be read whatever the queue looks like.
  if (mode === 'enforce' && onFailure === 'reject') gate.admit(deadlineMs)
  const start = performance.now()
  const unjudged = ({ code }: DiffiqaError): Assessment => {
    const thresholds = gate.thresholds[purpose]
    return degradedAssessment(code, { purpose, mode, thresholds, totalMs: performance.now() - start })
  }
  let bytes: Uint8Array
  try {
    bytes = await readProbe(req, options, client)
  } catch (error) {
    // An error of the application's own source goes to its own error handler, but the request is counted.
    const known = isDiffiqaError(error) ? error : new DiffiqaError('scoring-failed')
    reportUnread(gate, known, { purpose, mode, totalMs: performance.now() - start })
    if (error !== known || mode === 'enforce' || client.aborted || !isIntact(req)) throw error
    return withProbe(new Uint8Array(0), unjudged(known))
  }
  try {
    const limits = { ...(deadlineMs && { deadlineMs }), ...(maxPixels && { maxPixels }) }
    const given = { purpose, faces, mode, onFailure, signal: client, crops: true, ...limits, ...(group && { group }) }
    return withProbe(bytes, await gate.assess(bytes, given))
  } catch (error) {
    if (mode === 'enforce' || client.aborted || !isDiffiqaError(error)) throw error
    return withProbe(bytes, unjudged(error))
  }
}

const withProbe = (bytes: Uint8Array, assessment: Assessment): FaceQuality => ({
  ...assessment,
  bytes,
  probe: createProbe(bytes, assessment),
})
