import type { Request, Response } from 'express'
import type { DiffiqaError } from '../errors.ts'
import { PROBLEM_TYPE, toProblem } from './problem.ts'
import { hasBody } from './read-body.ts'

/** What a client may still send while it reads the answer; then its connection stands still until it is closed. */
const LINGER_BYTES = 256 * 1024
const LINGER_MS = 300
const DEFAULT_RETRY_SECONDS = 1

/** Part of the body has not been received, so the connection cannot carry another request. */
const isUnread = (req: Request): boolean => hasBody(req) && !req.complete

/** Headers that a refusal needs, whoever writes its body. */
export function setRefusalHeaders(req: Request, res: Response, error: DiffiqaError): void {
  if (error.status === 503) res.setHeader('Retry-After', String(error.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS))
  if (isUnread(req)) res.setHeader('Connection', 'close')
}

/** Answers with RFC 9457 problem details; does nothing when an answer has begun or nobody is left to read it. */
export function sendProblem(req: Request, res: Response, error: DiffiqaError): void {
  if (res.headersSent || res.destroyed) return
  const body = Buffer.from(JSON.stringify(toProblem(error)))
  setRefusalHeaders(req, res, error)
  res.statusCode = error.status
  res.setHeader('Content-Type', PROBLEM_TYPE)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('Content-Length', body.length)
  if (!isUnread(req)) {
    res.end(body)
    return
  }
  // Closing at once would reset the connection under a client that is still sending, and the answer would be lost with it.
  res.write(body)
  linger(req, res)
}

function linger(req: Request, res: Response): void {
  let left = LINGER_BYTES
  const finish = (): void => {
    clearTimeout(timer)
    req.off('data', onData).off('end', finish).off('close', finish)
    res.end()
  }
  const onData = (chunk: Buffer): void => {
    left -= chunk.length
    if (left < 0) req.pause()
  }
  const timer = setTimeout(finish, LINGER_MS)
  req.on('data', onData).on('end', finish).on('close', finish).resume()
}
