import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { gradeOf } from './audit-grade.ts'
import { type AuditPhoto, type AuditRecord, keyOf } from './audit-record.ts'
import { PRIVATE_FILE, replaceFile } from './private-file.ts'

/**
 * The photos that are judged already, one line of JSON each, so that an audit can be ended at any moment and go on. It holds no pixels.
 */
export class AuditJournal implements AsyncDisposable {
  readonly #known: ReadonlyMap<string, AuditRecord>
  readonly #file: FileHandle

  private constructor(known: ReadonlyMap<string, AuditRecord>, file: FileHandle) {
    this.#known = known
    this.#file = file
  }

  /**
   * Keeps the lines that still hold: of these photos, unchanged, judged in the same way, and with an answer. A line that was cut off is
   * dropped.
   * @throws the error of the file system
   */
  static async open(path: string, photos: readonly AuditPhoto[], judgedBy: string): Promise<AuditJournal> {
    const wanted = new Map(photos.map((photo) => [keyOf(photo), photo]))
    const known = new Map<string, AuditRecord>()
    for await (const record of readRecords(path)) {
      const key = keyOf(record)
      const isSame = wanted.get(key)?.revision === record.revision && record.judgedBy === judgedBy
      if (isSame) known.set(key, record)
    }
    await replaceFile(path, Array.from(known.values(), line))
    return new AuditJournal(known, await open(path, 'a', PRIVATE_FILE.mode))
  }

  /** The answer of an earlier run. */
  get(photo: AuditPhoto): AuditRecord | undefined {
    return this.#known.get(keyOf(photo))
  }

  /** Is it in the file already? */
  has(record: AuditRecord): boolean {
    return this.#known.get(keyOf(record)) === record
  }

  /**
   * When this resolves the operating system has the line, which the end of this process does not change. A photo that could not be looked
   * at gets none: the next run tries it again.
   */
  async add(record: AuditRecord): Promise<void> {
    if (gradeOf(record) !== 'unknown') await this.#file.appendFile(line(record))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close()
  }
}

const line = (record: AuditRecord): string => `${JSON.stringify(record)}\n`

async function* readRecords(path: string): AsyncGenerator<AuditRecord, void, undefined> {
  try {
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
      const record = parse(text)
      if (record) yield record
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function parse(text: string): AuditRecord | undefined {
  try {
    const value = JSON.parse(text) as AuditRecord | null
    return typeof value?.subject === 'string' && Array.isArray(value.reasons) ? value : undefined
  } catch {
    return undefined
  }
}
