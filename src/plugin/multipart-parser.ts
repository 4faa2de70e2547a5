import type { Readable } from 'node:stream'
import busboy from 'busboy'
import { DiffiqaError } from '../errors.ts'
import { payloadTooLarge } from './payload-too-large.ts'

/** Files under other names are skipped, but a form with more of them than this is no photo upload. */
const MAX_FILES = 8
/** Text fields are not looked at. */
const MAX_FIELDS = 64
const FIELD_BYTES = 1024

export interface MultipartParser {
  write(chunk: Uint8Array): void
  /** The body is complete; resolves with the photo. */
  end(): Promise<Buffer>
  /** Rejects as soon as the form cannot be accepted any more, so that reading can stop. */
  readonly photo: Promise<Buffer>
}

/**
 * Takes the one file of a form field out of a multipart/form-data body; nothing is written to disk.
 * @throws DiffiqaError `malformed-request` for a content type without a usable boundary. The promise rejects with `missing-field`,
 * `several-files`, `payload-too-large`, `empty-body` or `malformed-request`.
 */
export function createMultipartParser(contentType: string, field: string, maxBytes: number): MultipartParser {
  const form = openForm(contentType, maxBytes)
  const chunks: Buffer[] = []
  let settle!: { resolve: (photo: Buffer) => void; reject: (error: DiffiqaError) => void }
  const photo = new Promise<Buffer>((resolve, reject) => {
    settle = { resolve, reject }
  })
  // Whoever only writes must not see an unhandled rejection; end() gives the same promise.
  photo.catch(() => {})
  let found = false
  let foundText = false

  form.on('file', (name: string | undefined, file: Readable) => {
    file.on('error', () => {})
    if (name !== field) return file.resume()
    if (found) {
      settle.reject(new DiffiqaError('several-files', `Send one file in the field "${field}"`, { details: { field } }))
      return file.resume()
    }
    found = true
    file.on('limit', () => settle.reject(payloadTooLarge(maxBytes)))
    file.on('data', (chunk: Buffer) => chunks.push(chunk))
  })
  form.on('field', (name: string) => {
    foundText ||= name === field
  })
  form.on('filesLimit', () => settle.reject(malformed('The form has too many files')))
  // Stays for good: a broken part header emits an error without ending the stream, and more may follow.
  form.on('error', () => settle.reject(malformed('The multipart body is damaged or has no closing boundary')))
  form.on('close', () => {
    if (!found) return settle.reject(missing(field, foundText))
    const bytes = Buffer.concat(chunks)
    if (bytes.length > 0) settle.resolve(bytes)
    else settle.reject(new DiffiqaError('empty-body', `The file in the field "${field}" has no bytes`))
  })

  return {
    photo,
    write: (chunk) => {
      form.write(chunk)
    },
    end: () => {
      form.end()
      return photo
    },
  }
}

function openForm(contentType: string, maxBytes: number): busboy.Busboy {
  try {
    // The parser calls a file of exactly the limit cut off, hence one byte more.
    const limits = { fileSize: maxBytes + 1, files: MAX_FILES, fields: MAX_FIELDS, fieldSize: FIELD_BYTES }
    return busboy({ headers: { 'content-type': contentType }, limits, defParamCharset: 'utf8' })
  } catch {
    throw malformed('The content type multipart/form-data needs a boundary parameter')
  }
}

function malformed(message: string): DiffiqaError {
  return new DiffiqaError('malformed-request', message)
}

function missing(field: string, isText: boolean): DiffiqaError {
  const message = isText
    ? `The field "${field}" holds text; send the photo as a file`
    : `Send the photo as a file in the field "${field}"`
  return new DiffiqaError('missing-field', message, { details: { field } })
}
