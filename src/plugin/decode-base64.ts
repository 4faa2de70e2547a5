import { DiffiqaError } from '../errors.ts'
import { payloadTooLarge } from './payload-too-large.ts'

const DATA_URL = /^data:[^,]{0,200}?;\s*base64\s*,/i
const ALPHABET = /^[A-Za-z0-9+/_-]*={0,2}$/

export interface Base64Options {
  /** Most decoded bytes. */
  readonly maxBytes: number
  /** Refuse base64 without the `data:` prefix. @default false */
  readonly dataUrl?: boolean
}

/**
 * Decodes base64 as clients really send it: with line breaks, in the URL-safe alphabet, without padding, behind a `data:` prefix.
 * @throws DiffiqaError `invalid-base64`, `payload-too-large`, `empty-body`.
 */
export function decodeBase64(text: string, { maxBytes, dataUrl = false }: Base64Options): Buffer {
  const trimmed = text.trimStart()
  const prefix = DATA_URL.exec(trimmed)?.[0]
  if (prefix === undefined && (dataUrl || /^data:/i.test(trimmed)))
    throw new DiffiqaError('invalid-base64', 'The photo must be a data URL that begins with data:image/jpeg;base64,')
  const written = trimmed.slice(prefix?.length ?? 0)
  const compact = /\s/.test(written) ? written.replace(/\s+/g, '') : written
  if (compact === '') throw new DiffiqaError('empty-body', 'The photo has no bytes')
  const padding = compact.endsWith('==') ? 2 : compact.endsWith('=') ? 1 : 0
  const symbols = compact.length - padding
  if (Math.floor((symbols * 3) / 4) > maxBytes) throw payloadTooLarge(maxBytes)
  const wholeBytes = symbols % 4 !== 1 && (padding === 0 || compact.length % 4 === 0)
  if (!wholeBytes || !ALPHABET.test(compact)) throw new DiffiqaError('invalid-base64')
  return Buffer.from(compact, 'base64')
}
