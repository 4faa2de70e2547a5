import { DiffiqaError } from '../errors.ts'

/**
 * After a search that found nobody: was there anybody to find? A service that does not say, for want of a permission or of a connection, does
 * not spoil the search that has ended.
 * @throws DiffiqaError `gallery-empty`; the signal's reason.
 */
export async function requirePeople(isEmpty: () => Promise<boolean>, signal: AbortSignal | undefined): Promise<void> {
  const empty = await isEmpty().catch(() => false)
  signal?.throwIfAborted()
  if (empty) throw new DiffiqaError('gallery-empty')
}
