import { createHmac, randomBytes } from 'node:crypto'
import type { Face } from '../face/types.ts'
import type { FaceSelection } from './face-selection.ts'

/** Everything besides the photo that changes its scores. */
export interface ScoringContext {
  readonly modelVersion: string
  readonly preset: string
  readonly minInterEye: number
}

/** What of a call changes the scores. */
export interface KeyedRequest {
  readonly bytes: Uint8Array
  readonly faces: FaceSelection
  readonly maxPixels: number
  readonly detected: readonly Face[] | undefined
}

/** Tells the same photo under the same options; means nothing in another process. */
export type PhotoKey = (request: KeyedRequest) => string

/**
 * Keys are HMAC-SHA-256 with a secret that is drawn here and never leaves: a plain digest of a photo would be an identifier that can be
 * linked to the person with any copy of the file.
 * @param secret 32 random bytes.
 */
export function createPhotoKey(context: ScoringContext, secret: Uint8Array = randomBytes(32)): PhotoKey {
  const { modelVersion, preset, minInterEye } = context
  return ({ bytes, faces, maxPixels, detected }) =>
    createHmac('sha256', secret)
      .update(JSON.stringify([modelVersion, preset, minInterEye, maxPixels, faces, detected ?? null]))
      .update('\0')
      .update(bytes)
      .digest('base64url')
}
