import { DiffiqaError } from '../errors.ts'
import { refusalError, requestJson, ServiceRefusal } from './service-client.ts'

export interface ComprefaceRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below `/api/v1/`; parts that are not fixed have to be encoded. */
  readonly path: string
  readonly key: string
  readonly query: Readonly<Record<string, string>>
  readonly photos?: Readonly<Record<string, Uint8Array>>
  readonly signal: AbortSignal | undefined
}

export type ComprefaceAnswer = Readonly<Record<string, unknown>>

/** CompreFace's code for a photo without a face. */
const NO_FACE = 28

/**
 * A client of CompreFace's REST interface. The published SDK guesses from strings whether they are paths, addresses or base64, and mixes
 * up the addresses of its calls.
 * @returns sends one request and gives the parsed answer; throws DiffiqaError `no-face`, what the status says, `matcher-failed`,
 *   `matcher-unreachable`, `matcher-timeout`, `matcher-invalid-answer`, or the reason of the signal.
 */
export function comprefaceClient(server: { readonly url: URL; readonly timeoutMs: number }) {
  const base = new URL(server.url)
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/api/v1/`

  return async ({ method, path, key, query, photos, signal }: ComprefaceRequest): Promise<ComprefaceAnswer> => {
    const url = new URL(path, base)
    url.search = new URLSearchParams(query).toString()
    const headers = { 'x-api-key': key, accept: 'application/json' }
    const request = {
      method,
      url,
      headers,
      timeoutMs: server.timeoutMs,
      signal,
      ...(photos && { body: formOf(photos) }),
    }
    try {
      return (await requestJson('CompreFace', request)) as ComprefaceAnswer
    } catch (error) {
      throw error instanceof ServiceRefusal ? translate(error) : error
    }
  }
}

function formOf(photos: Readonly<Record<string, Uint8Array>>): FormData {
  const form = new FormData()
  for (const [field, bytes] of Object.entries(photos)) form.append(field, new Blob([new Uint8Array(bytes)]), 'photo')
  return form
}

function translate(cause: ServiceRefusal): DiffiqaError {
  const { code } = (cause.body ?? {}) as { code?: unknown }
  if (code === NO_FACE) return new DiffiqaError('no-face', 'CompreFace found no face in the photo', { cause })
  return refusalError('CompreFace', cause, typeof code === 'number' ? code : undefined)
}
