import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Gate } from '../gate/gate.ts'
import { type AuditCounts, auditedPhotos, countPeople } from './audit-actions.ts'
import { auditCsv } from './audit-csv.ts'
import { auditHtml } from './audit-html.ts'
import { photosInFolders, photosInList } from './audit-inputs.ts'
import { AuditJournal } from './audit-journal.ts'
import { judgedBy, judgePhoto } from './audit-judge.ts'
import { type AuditOptions, auditHelp, parseAuditOptions } from './audit-options.ts'
import { AUDIT_ACTIONS, type AuditedPhoto, type AuditPhoto, type AuditRecord } from './audit-record.ts'
import { ACTION_TEXTS } from './audit-texts.ts'
import { thumbnail } from './audit-thumbnail.ts'
import { EXIT } from './exit-codes.ts'
import { columns } from './help.ts'
import { Interrupt } from './interrupt.ts'
import { openGate } from './open-gate.ts'
import { orderedMap } from './ordered-map.ts'
import { Output } from './output.ts'
import { PRIVATE_FOLDER, replaceFile } from './private-file.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

/** Time for photos in work when the work is broken off. */
const STOP_MS = 2000

/**
 * `express-diffiqa audit`.
 * @returns the exit code
 * @throws UsageError, DiffiqaError of the gate or the list, errors of writing
 */
export async function audit(args: readonly string[]): Promise<number> {
  const options = parseAuditOptions(args)
  const interrupt = new Interrupt()
  const output = new Output(process.stdout, () => interrupt.stop())
  try {
    if (options) return await auditAll(options, output, interrupt)
    await output.write(auditHelp())
    return EXIT.ok
  } finally {
    interrupt.release()
  }
}

async function auditAll(options: AuditOptions, output: Output, interrupt: Interrupt): Promise<number> {
  const { list, paths, out } = options
  const photos = list === undefined ? await photosInFolders(paths, out) : await photosInList(list)
  if (photos.length === 0)
    throw new UsageError(list === undefined ? `no image files in ${paths.join(', ')}` : `nobody is listed in ${list}`)
  if (out !== undefined) await mkdir(out, PRIVATE_FOLDER)
  const records = await judgeAll(photos, options, interrupt.signal)
  if (interrupt.exitCode !== undefined) {
    const remedy = out === undefined ? '' : '; the same command goes on'
    process.stderr.write(`express-diffiqa: interrupted after ${records.length} of ${photos.length} photos${remedy}\n`)
    return interrupt.exitCode
  }
  if (output.closed) return EXIT.ok
  const audited = auditedPhotos(records)
  const people = countPeople(audited)
  if (out !== undefined) await writeReport(out, audited, people, photos, options)
  for (const text of options.json ? jsonLines(audited) : [summary(people, out)]) await output.write(text)
  await output.flush()
  return audited.some(({ action }) => action === 'unknown') ? EXIT.someFilesFailed : EXIT.ok
}

/** In the order of the photos; fewer than these once the signal fired. */
async function judgeAll(
  photos: readonly AuditPhoto[],
  options: AuditOptions,
  signal: AbortSignal,
): Promise<AuditRecord[]> {
  const { jobs, full, out } = options
  const inProcess = jobs === 1 || photos.length === 1
  const gate = await openGate({ ...options, full: true, preset: 'tuned' }, inProcess)
  const progress = createProgress(process.stderr)
  progress.setTotal(photos.length)
  const records: AuditRecord[] = []
  try {
    await using journal = out === undefined ? undefined : await openJournal(out, photos, gate, full)
    const judge = async (photo: AuditPhoto) => journal?.get(photo) ?? judgePhoto(photo, { gate, full, signal })
    for await (const record of orderedMap(each(photos), judge, inProcess ? 2 : 2 * jobs, signal)) {
      if (!journal?.has(record)) await journal?.add(record)
      records.push(record)
      progress.advance()
    }
    return records
  } finally {
    progress.clear()
    await gate.close({ timeoutMs: STOP_MS })
  }
}

const openJournal = (out: string, photos: readonly AuditPhoto[], gate: Gate, full: boolean): Promise<AuditJournal> =>
  AuditJournal.open(join(out, 'audit.jsonl'), photos, judgedBy({ gate, full }))

async function* each<T>(items: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items
}

async function writeReport(
  out: string,
  audited: readonly AuditedPhoto[],
  people: AuditCounts & { readonly all: number },
  photos: readonly AuditPhoto[],
  { pictures, top, policy }: AuditOptions,
): Promise<void> {
  const paths = new Map(photos.map(({ file, path }) => [file, path]))
  const picture = async ({ file, box }: AuditedPhoto): Promise<string | undefined> => {
    const path = pictures ? paths.get(file) : undefined
    return path ? thumbnail(path, box) : undefined
  }
  const page = { photos: audited, people, pictures: picture, top, date: new Date(), policy }
  await replaceFile(join(out, 'audit.csv'), auditCsv(audited))
  await replaceFile(join(out, 'audit.html'), auditHtml(page))
}

function* jsonLines(photos: readonly AuditedPhoto[]): Generator<string, void, undefined> {
  for (const { revision, judgedBy, ...photo } of photos) yield `${JSON.stringify(photo)}\n`
}

function summary(people: AuditCounts & { readonly all: number }, out: string | undefined): string {
  const rows = AUDIT_ACTIONS.map((action) => [ACTION_TEXTS[action].people, String(people[action])] as const)
  const report = out === undefined ? '' : `\n${join(out, 'audit.html')}\n${join(out, 'audit.csv')}\n`
  return `${columns([['People', String(people.all)], ...rows])}${report}`
}
