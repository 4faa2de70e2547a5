import type { Request } from 'express'
import { DiffiqaError } from '../errors.ts'
import type { Photo } from '../face/types.ts'
import { invalidOption } from '../gate/check-keys.ts'
import { decodeBase64 } from './decode-base64.ts'
import { createMultipartParser } from './multipart-parser.ts'
import { isParsed, missingFile, rawBody, uploadedFile } from './parsed-body.ts'
import { bodyAlreadyRead, hasBody, isConsumed, readBody, readWhole } from './read-body.ts'

export interface SourceContext {
  /** Most bytes of the photo; a source that reads a stream stops there. */
  readonly maxBytes: number
  /** Aborted when the client is gone or the upload takes too long. */
  readonly signal: AbortSignal
}

/** Takes the photo out of a request. Undefined means that the request holds none (`empty-body`). */
export type ProbeSource = (req: Request, context: SourceContext) => Promise<Photo | Uint8Array | undefined>

/** Part headers and the other fields of a form. */
const FORM_OVERHEAD_BYTES = 1024 * 1024
/** The other fields of a JSON document. */
const JSON_OVERHEAD_BYTES = 64 * 1024
/** Base64 takes 4/3; line breaks (written `\r\n` in JSON) and escaped slashes take up to a tenth more. */
const BASE64_GROWTH = (4 / 3) * 1.1

const mediaType = (req: Request): string =>
  (req.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''

/** True for `application/json` and types that end with `+json`. */
export const isJson = (req: Request): boolean => /^application\/(?:[^/]+\+)?json$/.test(mediaType(req))
export const isForm = (req: Request): boolean => mediaType(req) === 'multipart/form-data'

/** The photo is the body. Its type is told from its content, so any content type but that of a form or JSON will do. */
export function raw(): ProbeSource {
  return async (req, { maxBytes, signal }) => {
    const left = rawBody(req) ?? (await uploadedFile(req, undefined, maxBytes))
    if (left) return left
    if (hasBody(req) && !isConsumed(req) && (isForm(req) || isJson(req)))
      throw wrongType(req, 'Send the bytes of the photo as the body, with its own content type such as image/jpeg')
    return readWhole(req, { maxBytes, signal })
  }
}

/** The photo is the one file of a form field; other fields are skipped. */
export function multipart(field: string): ProbeSource {
  requireField(field)
  return async (req, { maxBytes, signal }) => {
    const uploaded = await uploadedFile(req, field, maxBytes)
    if (uploaded) return uploaded
    const body = rawBody(req)
    if (!body && isParsed(req)) throw missingFile(field)
    if (!body && hasBody(req) && isConsumed(req)) throw bodyAlreadyRead()
    if (!body && !hasBody(req)) throw new DiffiqaError('empty-body')
    if (!isForm(req)) throw wrongType(req, `Send the photo as multipart/form-data, as a file in the field "${field}"`)
    const parser = createMultipartParser(req.headers['content-type'] ?? '', field, maxBytes)
    if (body) {
      parser.write(body)
      return parser.end()
    }
    const stop = new AbortController()
    parser.photo.catch((error: unknown) => stop.abort(error))
    const limits = { maxBytes, overheadBytes: FORM_OVERHEAD_BYTES, signal: AbortSignal.any([signal, stop.signal]) }
    await readBody(req, limits, (chunk) => parser.write(chunk))
    return parser.end()
  }
}

/** The photo is base64 in a field of a JSON object, with or without a `data:` prefix. */
export function base64(field: string): ProbeSource {
  requireField(field)
  return jsonSource(field, false)
}

/** The photo is a `data:` URL in a field of a JSON object. */
export function dataUrl(field: string): ProbeSource {
  requireField(field)
  return jsonSource(field, true)
}

function jsonSource(field: string, dataUrl: boolean): ProbeSource {
  return async (req, { maxBytes, signal }) => {
    const document = await jsonOf(req, field, { maxBytes, signal })
    const isObject = typeof document === 'object' && document !== null && !Array.isArray(document)
    const text: unknown =
      isObject && Object.hasOwn(document, field) ? document[field as keyof typeof document] : undefined
    if (typeof text !== 'string')
      throw new DiffiqaError('missing-field', `Send a JSON object with the photo as base64 text in "${field}"`, {
        details: { field },
      })
    return decodeBase64(text, { maxBytes, dataUrl })
  }
}

async function jsonOf(req: Request, field: string, { maxBytes, signal }: SourceContext): Promise<unknown> {
  const body = rawBody(req)
  if (body) return parseJson(body)
  if (isParsed(req)) return typeof req.body === 'string' ? parseJson(Buffer.from(req.body)) : req.body
  if (hasBody(req) && !isConsumed(req) && !isJson(req))
    throw wrongType(req, `Send application/json with the photo as base64 text in "${field}"`)
  const overheadBytes = Math.ceil(maxBytes * (BASE64_GROWTH - 1)) + JSON_OVERHEAD_BYTES
  return parseJson(await readWhole(req, { maxBytes, overheadBytes, signal }))
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw new DiffiqaError('empty-body')
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // The parser's message quotes the document, which may be the photo.
    throw new DiffiqaError('malformed-request', 'The body is not valid JSON')
  }
}

function wrongType(req: Request, message: string): DiffiqaError {
  return new DiffiqaError(
    'unsupported-media-type',
    mediaType(req) === '' ? `${message}; the content type is missing` : message,
  )
}

function requireField(field: string): void {
  if (typeof field !== 'string' || field === '')
    throw invalidOption('field', 'A probe source needs the name of the field that holds the photo')
}
