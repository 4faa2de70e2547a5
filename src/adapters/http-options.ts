import { checkNumber, invalidOption } from '../gate/check-keys.ts'
import type { ScoreScale } from './matcher.ts'

/** Where a service is, and how it is talked to. */
export interface HttpServiceOptions {
  /** Address of the service; a path in it stays before all others. */
  readonly url: string | URL
  /** Sent with each request: the place for a key. @default none */
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds after which one request counts as failed. @default 15000 */
  readonly timeoutMs?: number
}

/** @throws DiffiqaError `invalid-option` naming the field. */
export function readService(options: HttpServiceOptions): {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
} {
  const { url, headers = {}, timeoutMs = 15_000 } = options
  if (!URL.canParse(String(url)) || !/^https?:$/.test(new URL(url).protocol))
    throw invalidOption('url', '`url` must be the http(s) address of the service')
  try {
    new Headers(headers)
  } catch {
    throw invalidOption('headers', '`headers` must be names and values of HTTP headers')
  }
  checkNumber('timeoutMs', timeoutMs, { min: 1, max: 2 ** 31 - 1, integer: true })
  return { url: new URL(url), headers, timeoutMs }
}

/** The two numbers of a scale that depend on the network. */
export type ScaleNumbers = Pick<ScoreScale, 'impostorMean' | 'defaultThreshold'>
