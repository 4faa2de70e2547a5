import type { Request } from 'express'
import type { FaceQuality } from '../adapters/probe.ts'
import { DiffiqaError } from '../errors.ts'

declare global {
  namespace Express {
    interface Request {
      /** Set by the middleware `faceQuality()`; {@link getFaceQuality} is the typed way to read it. */
      faceQuality?: FaceQuality
    }
  }
}

/**
 * The verdicts and the photo of a request that passed `faceQuality()`.
 * @throws DiffiqaError `not-assessed` when the middleware did not run before.
 */
export function getFaceQuality(req: Request): FaceQuality {
  if (req.faceQuality) return req.faceQuality
  throw new DiffiqaError(
    'not-assessed',
    'The middleware faceQuality() has to run before the handler that reads its result',
  )
}
