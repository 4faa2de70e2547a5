import type { Request } from 'express'
import { DiffiqaError } from '../errors.ts'
import { invalidOption } from '../gate/check-keys.ts'
import type { ResolvedOptions } from './options.ts'
import { payloadTooLarge } from './payload-too-large.ts'

/**
 * The photo's bytes from the configured source, within the limits of size and time.
 * @param client Aborted when the client is gone.
 * @throws DiffiqaError of the source, `slow-upload`, `client-gone`, `payload-too-large`, `empty-body`; or whatever a source of the
 * application's own throws.
 */
export async function readProbe(
  req: Request,
  options: Pick<ResolvedOptions, 'from' | 'maxBytes' | 'uploadTimeoutMs'>,
  client: AbortSignal,
): Promise<Uint8Array> {
  const { from, maxBytes, uploadTimeoutMs } = options
  const upload = new AbortController()
  const onGone = (): void => upload.abort(client.reason)
  client.addEventListener('abort', onGone, { once: true })
  const onSlow = (): void => upload.abort(slowUpload(uploadTimeoutMs))
  const timer = setTimeout(onSlow, uploadTimeoutMs)
  try {
    client.throwIfAborted()
    const photo = await orAbort(from(req, { maxBytes, signal: upload.signal }), upload.signal)
    const bytes = photo instanceof Uint8Array ? photo : photo?.bytes
    if (bytes === undefined && photo != null)
      throw invalidOption('from', 'The probe source must answer with bytes or { bytes }')
    if (!bytes || bytes.length === 0) throw new DiffiqaError('empty-body')
    if (bytes.length > maxBytes) throw payloadTooLarge(maxBytes)
    return bytes
  } finally {
    clearTimeout(timer)
    client.removeEventListener('abort', onGone)
  }
}

function slowUpload(uploadTimeoutMs: number): DiffiqaError {
  const message = `The photo has to arrive within ${uploadTimeoutMs / 1000} s`
  return new DiffiqaError('slow-upload', message, { details: { uploadTimeoutMs } })
}

/** A source of the application's own may not listen to the signal. */
async function orAbort<T>(reading: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([reading, aborted])
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort)
  }
}
