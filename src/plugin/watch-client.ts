import type { Response } from 'express'
import { DiffiqaError } from '../errors.ts'

export interface ClientWatch {
  /** Aborted with `client-gone` when the connection closes before an answer was sent. */
  readonly signal: AbortSignal
  stop(): void
}

/** Notices a client that leaves during upload, in the queue or while scoring. */
export function watchClient(res: Response): ClientWatch {
  const controller = new AbortController()
  const onClose = (): void => {
    if (!res.writableFinished) controller.abort(new DiffiqaError('client-gone'))
  }
  if (res.destroyed) onClose()
  res.on('close', onClose)
  return { signal: controller.signal, stop: () => res.off('close', onClose) }
}
