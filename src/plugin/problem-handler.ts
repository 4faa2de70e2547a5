import type { ErrorRequestHandler } from 'express'
import { isDiffiqaError } from '../errors.ts'
import { sendProblem } from './send-problem.ts'

/**
 * Error middleware: answers every {@link DiffiqaError}, such as those that a guarded matcher throws, with problem details and hands other
 * errors on. Put it behind the routes.
 */
export function problemHandler(): ErrorRequestHandler {
  return function diffiqaProblemHandler(error, req, res, next) {
    if (isDiffiqaError(error) && !res.headersSent) sendProblem(req, res, error)
    else next(error)
  }
}
