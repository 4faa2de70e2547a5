import { type ErrorCode, isDiffiqaError } from '../errors.ts'
import type { Reason } from '../quality/types.ts'

/** Why one file has no score. `file-…` codes are the command line's own; all others are those of docs/errors.md. */
export interface FileProblem {
  readonly code: ErrorCode | 'file-not-found' | 'file-unreadable'
  readonly message: string
  /** What the person in the photo can do about it, where that is known. */
  readonly reasons?: readonly Reason[]
}

const SYSTEM_MESSAGES: Readonly<Record<string, string>> = {
  EACCES: 'No permission to read it',
  EPERM: 'No permission to read it',
  EISDIR: 'It is a folder',
  EMFILE: 'Too many files are open',
  ENFILE: 'Too many files are open',
  EIO: 'The disk failed',
  ELOOP: 'Its links lead in a circle',
  ENAMETOOLONG: 'Its name is too long',
}

/**
 * What a failed read or assessment means for the file.
 * @throws the error itself when it is neither of the file system nor a typed one: then something other than the file is wrong
 */
export function fileProblem(error: unknown): FileProblem {
  if (isDiffiqaError(error)) {
    const { code, message, details } = error
    return { code, message, ...(Array.isArray(details.reasons) && { reasons: details.reasons as Reason[] }) }
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT' || code === 'ENOTDIR') return { code: 'file-not-found', message: 'There is no such file' }
  if (/^E[A-Z]+$/.test(code))
    return { code: 'file-unreadable', message: SYSTEM_MESSAGES[code] ?? `It cannot be read (${code})` }
  throw error
}
