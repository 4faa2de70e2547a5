import { stat } from 'node:fs/promises'
import { createCropWriter } from './crop-writer.ts'
import { EXIT } from './exit-codes.ts'
import { csvFormatter } from './format-csv.ts'
import { jsonFormatter } from './format-json.ts'
import { ofiqFormatter } from './format-ofiq.ts'
import { tableFormatter } from './format-table.ts'
import { listInputs } from './inputs.ts'
import { Interrupt } from './interrupt.ts'
import { openGate } from './open-gate.ts'
import { Output } from './output.ts'
import { printable } from './printable.ts'
import { createProgress, type Progress } from './progress.ts'
import { scoreFiles } from './score-files.ts'
import { type Format, parseScoreOptions, type ScoreOptions, scoreHelp } from './score-options.ts'
import type { Formatter } from './scored-file.ts'
import { UsageError } from './usage-error.ts'

const FORMATTERS: Readonly<Record<Format, Formatter>> = {
  table: tableFormatter,
  json: jsonFormatter,
  csv: csvFormatter,
  ofiq: ofiqFormatter,
}

/** Time for photos in work when the work is broken off. */
const STOP_MS = 2000

/**
 * `express-diffiqa score`.
 * @returns the exit code
 * @throws UsageError, DiffiqaError of the gate, errors of writing
 */
export async function score(args: readonly string[]): Promise<number> {
  const options = parseScoreOptions(args)
  const interrupt = new Interrupt()
  const output = new Output(process.stdout, () => interrupt.stop())
  try {
    if (options) return await scoreAll(options, output, interrupt)
    await output.write(scoreHelp())
    return EXIT.ok
  } finally {
    interrupt.release()
  }
}

async function scoreAll(options: ScoreOptions, output: Output, interrupt: Interrupt): Promise<number> {
  const { crops, purpose, full } = options
  if ((await listInputs(options.paths, crops).next()).done)
    throw new UsageError(`no image files in ${options.paths.join(', ')}`)
  const inProcess = options.jobs === 1 || (await isOneFile(options.paths))
  const writeCrops = crops === undefined ? undefined : await createCropWriter(crops)
  const gate = await openGate(options, inProcess)
  try {
    const { signal } = interrupt
    const jobs = inProcess ? 1 : options.jobs
    const results = scoreFiles(listInputs(options.paths, crops), {
      gate,
      jobs,
      purpose,
      full,
      signal,
      ...(writeCrops && { writeCrops }),
    })
    const progress = createProgress(process.stderr)
    countInputs(options, progress)
    const { done, failed } = await report(results, FORMATTERS[options.format], output, progress)
    if (interrupt.exitCode !== undefined) {
      process.stderr.write(`express-diffiqa: interrupted after ${done} files\n`)
      return interrupt.exitCode
    }
    if (failed > 0 && options.format !== 'json')
      process.stderr.write(`express-diffiqa: ${failed} of ${done} files could not be scored\n`)
    return failed > 0 ? EXIT.someFilesFailed : EXIT.ok
  } finally {
    await gate.close({ timeoutMs: STOP_MS })
  }
}

async function report(
  results: ReturnType<typeof scoreFiles>,
  formatter: Formatter,
  output: Output,
  progress: Progress,
): Promise<{ done: number; failed: number }> {
  const sharesTerminal = process.stdout.isTTY === true
  let done = 0
  let failed = 0
  try {
    await output.write(formatter.header)
    for await (const scored of results) {
      done++
      if (scored.problem) failed++
      const tell = scored.problem !== undefined && !formatter.tellsProblems
      if (sharesTerminal || tell) progress.clear()
      if (tell)
        process.stderr.write(`${printable(`${scored.file}: ${scored.problem.code}: ${scored.problem.message}`)}\n`)
      await output.write(formatter.format(scored))
      progress.advance()
    }
    await output.flush()
  } finally {
    progress.clear()
  }
  return { done, failed }
}

/** Worker threads pay off for more than one file only. */
async function isOneFile(paths: readonly string[]): Promise<boolean> {
  const [path, ...more] = paths
  if (path === undefined || more.length > 0) return false
  return stat(path).then(
    (stats) => !stats.isDirectory(),
    () => true,
  )
}

/** A second walk beside the work, for the bar's sake alone. */
async function countInputs({ paths, crops }: ScoreOptions, progress: Progress): Promise<void> {
  if (!process.stderr.isTTY) return
  let total = 0
  for await (const _ of listInputs(paths, crops)) total++
  progress.setTotal(total)
}
