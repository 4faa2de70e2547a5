import { createReadStream, createWriteStream } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { DiffiqaError } from '../../errors.ts'
import { PRIVATE_FILE } from '../private-file.ts'
import { UsageError } from '../usage-error.ts'
import type { LineFormat, LineKey, ResultLine } from './result-line.ts'

/** A whole line of the file, or what is left of one at its end. */
interface Piece {
  readonly bytes: Buffer
  /** Where the next one begins. */
  readonly end: number
  readonly whole: boolean
}

/**
 * The results of a bulk run, one line for each photo, and what a later run knows of them. Each line is there whole or not at all, whatever
 * ends the process or the disk; a file that is no file of results is not touched.
 */
export class ResultFile implements AsyncDisposable {
  readonly #path: string
  readonly #format: LineFormat
  readonly #known: Map<string, LineKey>
  #file: FileHandle
  #size: number

  private constructor(path: string, format: LineFormat, known: Map<string, LineKey>, file: FileHandle, size: number) {
    this.#path = path
    this.#format = format
    this.#known = known
    this.#file = file
    this.#size = size
  }

  /**
   * Goes on with the file, or makes it. What was cut off at its end is taken away.
   * @param task - of its lines
   * @throws UsageError for another kind of file or lines of another task; DiffiqaError `results-unwritable`
   */
  static async open(path: string, format: LineFormat, task: string): Promise<ResultFile> {
    const { known, size } = await readKnown(path, format, task)
    try {
      const file = await open(path, size === undefined ? 'wx' : 'r+', PRIVATE_FILE.mode)
      await file.truncate(size ?? 0)
      const results = new ResultFile(path, format, known, file, size ?? 0)
      if (results.#size === 0 && format.header !== '') await results.#write(format.header)
      return results
    } catch (error) {
      throw unwritable(path, error)
    }
  }

  /** The photos that have a line, by id. */
  get known(): ReadonlyMap<string, LineKey> {
    return this.#known
  }

  /**
   * Adds lines. When this resolves they are on the disk; when it rejects none of them is in the file.
   * @throws DiffiqaError `results-unwritable`
   */
  async append(lines: readonly ResultLine[]): Promise<void> {
    if (lines.length === 0) return
    await this.#write(lines.map((line) => this.#format.write(line)).join(''))
    for (const { id, task, revision, failed } of lines) this.#known.set(id, { id, task, revision, failed })
  }

  /**
   * Takes lines out, for others to come in their place.
   * @throws DiffiqaError `results-unwritable`
   */
  async drop(ids: ReadonlySet<string>): Promise<void> {
    if (ids.size === 0) return
    const draft = `${this.#path}.draft`
    try {
      await pipeline(this.#linesWithout(ids), createWriteStream(draft, { ...PRIVATE_FILE, flush: true }))
      await rename(draft, this.#path)
      await this.#file.close()
      this.#file = await open(this.#path, 'r+')
      this.#size = (await this.#file.stat()).size
    } catch (error) {
      await rm(draft, { force: true })
      throw unwritable(this.#path, error)
    }
    for (const id of ids) this.#known.delete(id)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close()
  }

  async *#linesWithout(ids: ReadonlySet<string>): AsyncGenerator<Buffer, void, undefined> {
    for await (const { bytes, whole } of pieces(this.#path, this.#format)) {
      const key = this.#format.read(bytes.toString('utf8'))
      if (whole && !(key && ids.has(key.id))) yield bytes
    }
  }

  async #write(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#size + done)
        done += bytesWritten
      }
      await this.#file.datasync()
      this.#size += bytes.length
    } catch (error) {
      // A disk that is full has taken a part of it.
      await this.#file.truncate(this.#size).catch(() => {})
      throw unwritable(this.#path, error)
    }
  }
}

async function readKnown(
  path: string,
  format: LineFormat,
  task: string,
): Promise<{ readonly known: Map<string, LineKey>; readonly size: number | undefined }> {
  const known = new Map<string, LineKey>()
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw unwritable(path, error)
  })
  if (!stats) return { known, size: undefined }
  if (!stats.isFile()) throw new UsageError(`--out ${path} is no regular file`)
  let size = 0
  for await (const { bytes, end, whole } of pieces(path, format)) {
    const text = bytes.toString('utf8')
    const isHeader = size === 0 && format.header !== ''
    if (!whole) {
      const start = isHeader ? format.header : format.start
      if (!text.startsWith(start.slice(0, text.length)) && !start.startsWith(text.slice(0, start.length)))
        throw foreign(path)
      break
    }
    const key = isHeader ? undefined : format.read(text)
    if (isHeader ? text !== format.header : !key) throw foreign(path)
    if (key && key.task !== task)
      throw new UsageError(`--out ${path} holds results for ${key.task}, not ${task}: name another file`)
    if (key) known.set(key.id, key)
    size = end
  }
  return { known, size }
}

const foreign = (path: string): UsageError =>
  new UsageError(`--out ${path} is there and no file of such results; it was not changed`)

const unwritable = (path: string, cause: unknown): DiffiqaError => {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
  return new DiffiqaError('results-unwritable', `${path} cannot be written (${code})`, {
    cause,
    details: { system: code },
  })
}

const QUOTE = 0x22
const LINE_END = 0x0a

async function* pieces(path: string, { quoted }: LineFormat): AsyncGenerator<Piece, void, undefined> {
  let rest: Buffer = Buffer.alloc(0)
  let end = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    rest = Buffer.concat([rest, chunk as Buffer])
    for (let stop = lineEnd(rest, quoted); stop > 0; stop = lineEnd(rest, quoted)) {
      end += stop
      yield { bytes: rest.subarray(0, stop), end, whole: true }
      rest = rest.subarray(stop)
    }
  }
  if (rest.length > 0) yield { bytes: rest, end: end + rest.length, whole: false }
}

/** Bytes of the first line with its end; 0 where none is whole. */
function lineEnd(bytes: Buffer, quoted: boolean): number {
  if (!quoted) return bytes.indexOf(LINE_END) + 1
  let inside = false
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === QUOTE) inside = !inside
    else if (bytes[at] === LINE_END && !inside) return at + 1
  }
  return 0
}
