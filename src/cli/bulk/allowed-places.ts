import { constants, createReadStream } from 'node:fs'
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import { DiffiqaError } from '../../errors.ts'
import { gatherBytes } from '../read-photo.ts'
import { UsageError } from '../usage-error.ts'
import { isUrl } from './bulk-inputs.ts'

/** For one photo of an object store, its body included. */
const FETCH_MS = 30_000

interface Folder {
  readonly named: string
  readonly real: string
}

/** Where a worker may read photos. Jobs come from whoever can write into Redis, so each place is looked at again here. */
export class AllowedPlaces {
  readonly #folders: readonly Folder[]
  readonly #urls: readonly URL[]

  private constructor(folders: readonly Folder[], urls: readonly URL[]) {
    this.#folders = folders
    this.#urls = urls
  }

  /**
   * @param prefixes - folders that exist, and http(s) addresses; an address means what lies below its last slash
   * @throws UsageError
   */
  static async open(prefixes: readonly string[]): Promise<AllowedPlaces> {
    const addresses = prefixes.filter(isUrl)
    const named = prefixes.filter((prefix) => !isUrl(prefix))
    return new AllowedPlaces(await Promise.all(named.map(folderOf)), addresses.map(prefixUrl))
  }

  /**
   * The photo's bytes.
   * @throws DiffiqaError `photo-not-allowed`, `photo-unreachable`, `payload-too-large`; the error of the file system
   */
  read(place: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Uint8Array> {
    return isUrl(place) ? this.#fetch(place, signal) : this.#readFile(place)
  }

  async #readFile(place: string): Promise<Uint8Array> {
    // By the name alone first: what lies elsewhere must not even be found out to exist.
    const path = resolve(place)
    if (!this.#folders.some(({ named, real }) => isBelow(named, path) || isBelow(real, path))) throw notAllowed()
    const real = await realpath(path)
    this.#requireBelow(real)
    // Without O_NONBLOCK a pipe would hold the worker for ever.
    const file = await open(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
    try {
      this.#requireBelow(await openedPath(file, real))
      if (!(await file.stat()).isFile()) throw systemError('EISDIR')
      return await gatherBytes(createReadStream('', { fd: file, autoClose: false, highWaterMark: 2 ** 20 }))
    } finally {
      await file.close()
    }
  }

  #requireBelow(real: string): void {
    if (!this.#folders.some((folder) => isBelow(folder.real, real))) throw notAllowed()
  }

  async #fetch(place: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const url = URL.canParse(place) ? new URL(place) : undefined
    if (!url || !this.#urls.some((prefix) => isBelowUrl(prefix, url))) throw notAllowed()
    const limit = AbortSignal.timeout(FETCH_MS)
    try {
      const response = await fetch(url, {
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      })
      return await bytesOf(response)
    } catch (error) {
      if (error instanceof DiffiqaError || (error as NodeJS.ErrnoException).syscall === 'http') throw error
      throw new DiffiqaError('photo-unreachable', 'The store of the photo does not answer', { cause: error })
    }
  }
}

async function folderOf(prefix: string): Promise<Folder> {
  const real = await realpath(prefix).catch(() => undefined)
  if (!real || !(await stat(real)).isDirectory()) throw new UsageError(`--allow ${prefix} is no folder`)
  return { named: resolve(prefix), real }
}

function prefixUrl(prefix: string): URL {
  const url = URL.canParse(prefix) ? new URL(prefix) : undefined
  if (!url || [url.username, url.password, url.search, url.hash].some((part) => part !== ''))
    throw new UsageError('option --allow takes plain http(s) addresses: no name or password, no query')
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && resolve(folder, way) === path
}

/** Steps up are taken out of a URL when it is parsed; stores that decode a path twice must not find others. */
function isBelowUrl(prefix: URL, url: URL): boolean {
  if (url.origin !== prefix.origin || url.username !== '' || url.password !== '') return false
  if (!url.pathname.startsWith(prefix.pathname)) return false
  let path = url.pathname
  for (let round = 0; round < 3; round++) {
    if (path.split(/[/\\]/).some((step) => step === '..' || step === '.')) return false
    try {
      path = decodeURIComponent(path)
    } catch {
      return false
    }
  }
  return true
}

/** Where an open file lies, whatever was done to its folders meanwhile; known on Linux only. */
async function openedPath(file: FileHandle, otherwise: string): Promise<string> {
  return readlink(`/proc/self/fd/${file.fd}`).catch(() => otherwise)
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  const { status, body } = response
  if (status === 200 && body) return gatherBytes(body)
  await body?.cancel()
  if (status >= 300 && status < 400)
    throw new DiffiqaError('photo-not-allowed', 'The store sends the reader elsewhere, which is not followed', {
      details: { httpStatus: status },
    })
  if (status === 404 || status === 410) throw systemError('ENOENT')
  if (status === 401 || status === 403) throw systemError('EACCES')
  throw new DiffiqaError('photo-unreachable', `The store of the photo answers with status ${status}`, {
    details: { httpStatus: status },
  })
}

const notAllowed = (): DiffiqaError =>
  new DiffiqaError('photo-not-allowed', 'The photo lies outside of what --allow names')

/** What the file system would have said. */
const systemError = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'http' })
