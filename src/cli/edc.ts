import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createByteCache } from '../evaluation/byte-cache.ts'
import { compare, type ScoreColumn } from '../evaluation/compare.ts'
import { crossPairs } from '../evaluation/cross-pairs.ts'
import { cachedJudge } from '../evaluation/embedding-cache.ts'
import { type Judge, openJudge } from '../evaluation/judge.ts'
import { type JudgeContract, readContract } from '../evaluation/judge-contract.ts'
import { allPairs, type Comparisons, filterPairs } from '../evaluation/pairs.ts'
import { readPairs } from '../evaluation/pairs-file.ts'
import { type EdcOptions, edcHelp, parseEdcOptions } from './edc-options.ts'
import { type PersonPhoto, readPeople } from './edc-photos.ts'
import { proposals } from './edc-proposals.ts'
import { curvesCsv, type EdcReport, quote, reportJson } from './edc-report.ts'
import { scoreColumns } from './edc-scores.ts'
import { EXIT } from './exit-codes.ts'
import { edcMarkdown } from './format-edc.ts'
import { Interrupt } from './interrupt.ts'
import { openGate } from './open-gate.ts'
import { Output } from './output.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

/** Time for photos in work when the work is broken off. */
const STOP_MS = 2000

/**
 * `express-diffiqa edc`.
 * @returns the exit code
 * @throws UsageError, DiffiqaError of the gate, a judge or a file, errors of reading and writing
 */
export async function edc(args: readonly string[]): Promise<number> {
  const options = parseEdcOptions(args)
  const interrupt = new Interrupt()
  const output = new Output(process.stdout, () => interrupt.stop())
  try {
    if (!options) {
      await output.write(edcHelp())
      return EXIT.ok
    }
    const found = await examine(options, interrupt.signal).catch((error) => {
      if (interrupt.exitCode === undefined) throw error
    })
    if (!found) return interrupt.exitCode ?? EXIT.ok
    if (options.out !== undefined) await writeFiles(options.out, found)
    if (options.out !== undefined && options.plots)
      await (await import('./edc-plots.ts')).writePlots(options.out, found.report)
    await output.write(options.json ? reportJson(found.report) : edcMarkdown(found.report))
    await output.flush()
    return EXIT.ok
  } finally {
    interrupt.release()
  }
}

interface Found {
  readonly report: EdcReport
  readonly photos: readonly PersonPhoto[]
  readonly scores: readonly ScoreColumn[]
}

/** @returns undefined when the signal fired */
async function examine(options: EdcOptions, signal: AbortSignal): Promise<Found | undefined> {
  const contracts: JudgeContract[] = []
  for (const path of options.models) contracts.push(await readContract(path))
  const names = contracts.map(({ name }) => name)
  if (new Set(names).size < names.length) throw new UsageError(`two networks have the same name: ${names.join(', ')}`)
  const judges: Judge[] = []
  try {
    const cache = options.cache === undefined ? undefined : createByteCache(options.cache)
    for (const contract of contracts) {
      const judge = await openJudge(contract)
      judges.push(cache ? cachedJudge(judge, contract, cache) : judge)
    }
    const { photos, modelVersion } = await readPhotos(options, judges, signal)
    if (signal.aborted) return undefined
    const judgeFiles = Object.fromEntries(judges.map(({ sha256 }, j) => [names[j], sha256]))
    return { ...(await compareAll(options, contracts, photos, { modelVersion, judgeFiles })), photos }
  } finally {
    for (const judge of judges) await judge.close()
  }
}

async function readPhotos(
  options: EdcOptions,
  judges: readonly Judge[],
  signal: AbortSignal,
): Promise<{ photos: PersonPhoto[]; modelVersion: string }> {
  const { folder, full, cross, set, seed, jobs, modelsDir } = options
  const needs = {
    jobs,
    full,
    policy: 'balanced',
    preset: 'tuned',
    ...(modelsDir === undefined ? {} : { modelsDir }),
  } as const
  const gate = await openGate(needs, jobs === 1)
  const progress = createProgress(process.stderr)
  try {
    const onPhoto = (): void => progress.advance()
    const photos = await readPeople(folder, { gate, judges, full, cross, set, seed, jobs, signal, onPhoto })
    return { photos, modelVersion: gate.manifest.modelVersion }
  } finally {
    progress.clear()
    await gate.close({ timeoutMs: STOP_MS })
  }
}

async function compareAll(
  options: EdcOptions,
  contracts: readonly JudgeContract[],
  photos: readonly PersonPhoto[],
  models: Pick<EdcReport, 'modelVersion' | 'judgeFiles'>,
): Promise<Pick<Found, 'report' | 'scores'>> {
  const { folder, foundOnly, set, threshold, discard, rounds, seed } = options
  const comparisons = await comparisonsOf(options, photos)
  const scores = await scoreColumns(
    photos,
    contracts.map(({ name }) => name),
    options,
  )
  const judges = contracts.map(({ name, fmr = options.fmr }, j) => ({
    name,
    fmr,
    embeddings: photos.map(({ embeddings }) => embeddings[j]),
    natural: photos.map(({ natural }) => natural[j]),
  }))
  const comparison = compare(comparisons, judges, scores, { limits: discard, rounds, seed, threshold })
  const proposable = scores.filter(({ name }) => name !== 'random')
  const report = {
    folder,
    photos: photos.length,
    people: new Set(photos.map(({ person }) => person)).size,
    withoutFace: photos.filter(({ verdict }) => !verdict).length,
    genuinePairs: comparisons.genuine.first.length,
    foundOnly,
    set,
    threshold,
    limits: discard,
    rounds,
    seed,
    ...models,
    comparison,
    proposals: proposals(comparisons.genuine, comparison, proposable, options),
  }
  return { report, scores }
}

async function comparisonsOf(options: EdcOptions, photos: readonly PersonPhoto[]): Promise<Comparisons> {
  const { folder, foundOnly, pairs, cross } = options
  const people = photos.map(({ person }) => person)
  const files = photos.map(({ file }) => file)
  const all = cross
    ? crossPairs(files, people, cross)
    : pairs === undefined
      ? allPairs(people)
      : await readPairs(pairs, folder, files, people)
  const found = (photo: number): boolean => photos[photo]?.verdict !== undefined
  const genuine = foundOnly ? filterPairs(all.genuine, (a, b) => found(a) && found(b)) : all.genuine
  if (genuine.first.length === 0) throw new UsageError('there are no two photos of the same person')
  return { ...all, genuine }
}

async function writeFiles(folder: string, { report, photos, scores }: Found): Promise<void> {
  await mkdir(folder, { recursive: true })
  const header = ['file', ...scores.map(({ name }) => quote(name))]
  const rows = photos.map(({ file }, i) => [
    quote(file),
    ...scores.map(({ quality }) => (Number.isNaN(quality[i]) ? '' : String(quality[i]))),
  ])
  const files = {
    'tables.md': edcMarkdown(report),
    'result.json': reportJson(report),
    'curves.csv': curvesCsv(report),
    'scores.csv': `${[header, ...rows].map((row) => row.join(',')).join('\n')}\n`,
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
}
