import type { IncomingMessage } from 'node:http'
import { DiffiqaError } from '../errors.ts'
import { payloadTooLarge } from './payload-too-large.ts'

export interface ReadLimits {
  /** Most bytes of the photo, as told to the client when the body is too large. */
  readonly maxBytes: number
  /** Bytes that may come around the photo: part headers, JSON, other fields. @default 0 */
  readonly overheadBytes?: number
  /** Ends the reading; its reason is thrown. */
  readonly signal: AbortSignal
}

/** True when the request announces a body of at least one byte. */
export function hasBody(req: IncomingMessage): boolean {
  if (req.httpVersionMajor >= 2 || req.headers['transfer-encoding'] !== undefined) return true
  return Number(req.headers['content-length'] ?? 0) > 0
}

/** True when somebody has begun to read the body, so that it cannot be had from its first byte any more. */
export const isConsumed = (req: IncomingMessage): boolean => req.readableDidRead || req.readableEnded

/**
 * Hands the body on chunk by chunk and stops reading at the limit, with or without a Content-Length.
 * @throws DiffiqaError `empty-body`, `body-already-read`, `unsupported-media-type` (compressed), `payload-too-large`, `client-gone`, or the
 * reason of the signal.
 */
export async function readBody(
  req: IncomingMessage,
  limits: ReadLimits,
  onChunk: (chunk: Buffer) => void,
): Promise<void> {
  if (!hasBody(req)) throw new DiffiqaError('empty-body')
  if (isConsumed(req)) throw bodyAlreadyRead()
  requireIdentity(req)
  const limit = limits.maxBytes + (limits.overheadBytes ?? 0)
  if (req.headers['transfer-encoding'] === undefined && Number(req.headers['content-length']) > limit)
    throw payloadTooLarge(limits.maxBytes)
  const { signal } = limits
  signal.throwIfAborted()

  await new Promise<void>((resolve, reject) => {
    let received = 0
    const settle = (error?: unknown): void => {
      req.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      signal.removeEventListener('abort', onAbort)
      if (error === undefined) {
        resolve()
      } else {
        req.pause()
        reject(error)
      }
    }
    const onData = (chunk: Buffer): void => {
      received += chunk.length
      if (received > limit) settle(payloadTooLarge(limits.maxBytes))
      else onChunk(chunk)
    }
    const onEnd = (): void => settle(received === 0 ? new DiffiqaError('empty-body') : undefined)
    const onGone = (): void => settle(new DiffiqaError('client-gone'))
    const onAbort = (): void => settle(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    req.on('end', onEnd).on('error', onGone).on('close', onGone).on('data', onData)
  })
}

/** The whole body in one piece; throws what {@link readBody} throws. */
export async function readWhole(req: IncomingMessage, limits: ReadLimits): Promise<Buffer> {
  const chunks: Buffer[] = []
  await readBody(req, limits, (chunk) => chunks.push(chunk))
  return Buffer.concat(chunks)
}

export function bodyAlreadyRead(): DiffiqaError {
  return new DiffiqaError(
    'body-already-read',
    'Another middleware has read the request body before the gate and left nothing of it; put the gate before it, or let it keep the body in req.body or req.file',
  )
}

/** Unpacking here would let a small upload become a large one; whoever wants it puts express.raw() before the gate. */
function requireIdentity(req: IncomingMessage): void {
  const encoding = req.headers['content-encoding']?.trim().toLowerCase()
  if (encoding && encoding !== 'identity')
    throw new DiffiqaError(
      'unsupported-media-type',
      'Send the photo without Content-Encoding; images are compressed already',
    )
}
