import { createHmac, randomBytes } from 'node:crypto'
import type { Face } from '../face/types.ts'
import type { FaceSelection } from './face-selection.ts'

/** Everything besides the photo that changes its scores. */
export interface ScoringContext {
  readonly modelVersion: string
  readonly preset: string
  readonly minInterEye: number
  /** Of calibration and networks; only processes that share scores can differ in it. */
  readonly scoring?: string
}

/** What of a call changes the scores. */
export interface KeyedRequest {
  readonly bytes: Uint8Array
  readonly faces: FaceSelection
  readonly maxPixels: number
  readonly detected: readonly Face[] | undefined
}

/** Tells the same photo under the same options; means nothing where the secret is another one. */
export type PhotoKey = (request: KeyedRequest) => string

/**
 * Keys are HMAC-SHA-256 with a secret, drawn here where none is given, that never leaves: a plain digest of a photo would be an identifier
 * that can be linked to the person with any copy of the file.
 * @param secret 32 random bytes; the operator's own where processes share scores.
 */
export function createPhotoKey(context: ScoringContext, secret: Uint8Array = randomBytes(32)): PhotoKey {
  const { modelVersion, preset, minInterEye, scoring = '' } = context
  return ({ bytes, faces, maxPixels, detected }) =>
    createHmac('sha256', secret)
      .update(JSON.stringify([modelVersion, scoring, preset, minInterEye, maxPixels, faces, detected ?? null]))
      .update('\0')
      .update(bytes)
      .digest('base64url')
}
