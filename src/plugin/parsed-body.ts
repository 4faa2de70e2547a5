import { readFile, stat } from 'node:fs/promises'
import type { Request } from 'express'
import { DiffiqaError } from '../errors.ts'
import { payloadTooLarge } from './payload-too-large.ts'
import { isConsumed } from './read-body.ts'

/** What multer leaves of a file: the bytes, or the place on disk that the application chose. */
interface StoredFile {
  readonly fieldname?: string
  readonly buffer?: Uint8Array
  readonly path?: string
}

/** Bytes left by `express.raw()`. */
export function rawBody(req: Request): Uint8Array | undefined {
  return req.body instanceof Uint8Array ? req.body : undefined
}

/**
 * True when another parser has read the body and left something in `req.body`; an empty object beside an untouched stream was put there
 * by a parser that did not feel responsible.
 */
export function isParsed(req: Request): boolean {
  return req.body !== undefined && isConsumed(req)
}

function storedFiles(req: Request): StoredFile[] {
  const { file, files } = req as { readonly file?: StoredFile; readonly files?: unknown }
  const several = typeof files === 'object' && files !== null ? (Object.values(files).flat() as StoredFile[]) : []
  return [...(file ? [file] : []), ...several].filter(
    (stored) => stored.buffer !== undefined || stored.path !== undefined,
  )
}

/**
 * The file that multer has read from the form field.
 * @param field Undefined: any field.
 * @returns undefined when there are no files at all.
 * @throws DiffiqaError `missing-field` when all files are in other fields, `several-files`, `payload-too-large`.
 */
export async function uploadedFile(
  req: Request,
  field: string | undefined,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const files = storedFiles(req)
  if (files.length === 0) return undefined
  const [file, second] = files.filter(({ fieldname }) => field === undefined || fieldname === field)
  if (second) throw new DiffiqaError('several-files', field && `Send one file in the field "${field}"`)
  if (!file) throw missingFile(field as string)
  if (file.buffer) return file.buffer
  const path = file.path as string
  if ((await stat(path)).size > maxBytes) throw payloadTooLarge(maxBytes)
  return readFile(path)
}

export function missingFile(field: string): DiffiqaError {
  return new DiffiqaError('missing-field', `Send the photo as a file in the field "${field}"`, { details: { field } })
}
