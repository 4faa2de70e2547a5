import type { IncomingMessage } from 'node:http'
import { DiffiqaError } from '../errors.ts'

/**
 * Refuses requests that another site's page makes in the browser of somebody who may use the console. Browsers say where a request comes
 * from in `Sec-Fetch-Site`, or, over plain HTTP, in `Origin`; a request with neither comes from no page.
 * @throws DiffiqaError `cross-origin`.
 */
export function requireSameOrigin({ headers }: IncomingMessage): void {
  const site = headers['sec-fetch-site']
  if (site === 'same-origin' || site === 'none') return
  const { origin, host } = headers
  if (site === undefined && (origin === undefined || hostOf(origin) === host?.toLowerCase())) return
  throw new DiffiqaError('cross-origin')
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host
  } catch {
    return undefined
  }
}
