import { type DiffiqaError, ERROR_CODES, type ErrorCode } from '../errors.ts'
import type { QualityScore, Reason } from '../quality/types.ts'

/** Where each code is explained; the type URI of a problem is this and the code. */
export const ERROR_DOCS = 'https://github.com/express-diffiqa/express-diffiqa/blob/main/docs/errors.md#'

export const PROBLEM_TYPE = 'application/problem+json'

/** RFC 9457 problem details of a refusal. */
export interface ProblemDetails {
  /** URI of the code's explanation. */
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ErrorCode
  /** Calibrated score of the refused face, 0..1, two decimals. */
  readonly score?: number
  /** One standard deviation of the score, two decimals. */
  readonly sigma?: number
  readonly method?: QualityScore['method']
  /** Scores below are refused. */
  readonly threshold?: number
  /** What was wrong with the photo, most important first. */
  readonly reasons?: readonly Reason[]
}

/** An exact score would let an attacker climb towards a photo that passes. */
export const roundScore = (value: number): number => Math.round(value * 100) / 100

function roundReason({ value, threshold, ...reason }: Reason): Reason {
  const shown = (x: number): number => (reason.measure === 'score' ? roundScore(x) : Number(x.toPrecision(3)))
  return {
    ...reason,
    ...(value !== undefined && { value: shown(value) }),
    ...(threshold !== undefined && { threshold: shown(threshold) }),
  }
}

/** Failures of the service are named but not explained to clients: their messages may tell of files and models. */
const isPrivate = (code: ErrorCode): boolean => {
  const { status, retryable } = ERROR_CODES[code]
  return status >= 500 && !retryable && code !== 'body-already-read'
}

/** Problem details of an error; nothing of its cause or stack goes in. */
export function toProblem(error: DiffiqaError): ProblemDetails {
  const { code, details } = error
  const { status, title } = ERROR_CODES[code]
  const reasons = Array.isArray(details.reasons) ? (details.reasons as Reason[]).map(roundReason) : undefined
  const { score, sigma, method, threshold } = code === 'quality-rejected' ? (details as Partial<ProblemDetails>) : {}
  return {
    type: `${ERROR_DOCS}${code}`,
    title,
    status,
    detail: isPrivate(code) ? title : error.message,
    code,
    ...(score !== undefined && { score }),
    ...(sigma !== undefined && { sigma }),
    ...(method !== undefined && { method }),
    ...(threshold !== undefined && { threshold }),
    ...(reasons && { reasons }),
  }
}
