import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { PolicyName, Purpose } from '../inference/manifest.ts'
import type { PresetName } from '../quality/diffiqa.ts'
import { type OptionSpecs, parseArguments } from './arguments.ts'
import { optionHelp } from './help.ts'
import { UsageError } from './usage-error.ts'

export type Format = 'table' | 'json' | 'csv' | 'ofiq'

export interface ScoreOptions {
  /** Files and folders, as given. */
  readonly paths: readonly string[]
  readonly format: Format
  readonly full: boolean
  /** Folder for the crops. */
  readonly crops?: string
  readonly jobs: number
  readonly policy: PolicyName
  readonly purpose: Purpose
  readonly preset: PresetName
  readonly modelsDir?: string
}

/** More worker threads than this is a typing error: each holds the networks. */
const MAX_JOBS = 255

export const SCORE_SPECS = {
  full: { help: 'run full DifFIQA on every face (slower); without it DifFIQA(R) alone decides' },
  json: { help: 'JSON Lines on standard output and nothing else there' },
  csv: { help: 'CSV (RFC 4180), one row per face' },
  ofiq: { help: "OFIQ's semicolon-separated CSV, one row per photo: its largest face" },
  crops: { value: 'DIR', help: 'write the aligned 112x112 crops as PNG into DIR' },
  jobs: { value: 'N', short: 'j', help: 'worker threads (default: the number of processor cores)' },
  policy: {
    value: 'NAME',
    choices: ['lenient', 'balanced', 'strict'],
    help: 'thresholds: lenient, balanced (default) or strict',
  },
  purpose: { value: 'NAME', choices: ['probe', 'enrolment'], help: 'thresholds for: probe (default) or enrolment' },
  preset: {
    value: 'NAME',
    choices: ['tuned', 'paper'],
    help: 'full DifFIQA as tuned (default) or as in the paper; with --full',
  },
  models: { value: 'DIR', help: 'models folder (default: the one of the package)' },
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

/** Text of `express-diffiqa score --help`. */
export function scoreHelp(): string {
  return `Usage: express-diffiqa score [options] FILE|DIR...

Score every face of the photos. In folders, however deep, files ending in jpg, jpeg, png, webp, tif, tiff, avif or heic
are tried; files that are named are tried whatever they are called.

Options:
${optionHelp(SCORE_SPECS)}
Exit code: 0 all files were scored, 1 wrong use or a failure that stops the work, 2 some files could not be scored
(unreadable, not an image, no face); 130 or 143 interrupted.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parseScoreOptions(args: readonly string[]): ScoreOptions | undefined {
  const { values, positionals } = parseArguments(args, SCORE_SPECS)
  if (values.help) return undefined
  if (positionals.length === 0) throw new UsageError('name at least one file or folder')
  if (positionals.includes('')) throw new UsageError('a file name is empty')
  const formats = (['json', 'csv', 'ofiq'] as const).filter((format) => values[format])
  if (formats.length > 1) throw new UsageError(`choose one of --${formats.join(', --')}`)
  if (values.preset && !values.full) throw new UsageError('--preset is about full DifFIQA: add --full')
  const text = (name: keyof typeof SCORE_SPECS): string | undefined => values[name] as string | undefined
  const crops = text('crops')
  if (crops !== undefined && positionals.some((path) => resolve(path) === resolve(crops)))
    throw new UsageError('--crops must name another folder than the one that is scored')
  const modelsDir = text('models')
  return {
    paths: positionals,
    format: formats[0] ?? 'table',
    full: values.full === true,
    ...(crops === undefined ? {} : { crops }),
    jobs: parseJobs(text('jobs')),
    policy: (text('policy') ?? 'balanced') as PolicyName,
    purpose: (text('purpose') ?? 'probe') as Purpose,
    preset: (text('preset') ?? 'tuned') as PresetName,
    ...(modelsDir === undefined ? {} : { modelsDir }),
  }
}

/** @throws UsageError */
export function parseJobs(text: string | undefined): number {
  if (text === undefined) return availableParallelism()
  const jobs = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (jobs < 1 || jobs > MAX_JOBS)
    throw new UsageError(`option --jobs must be a whole number from 1 to ${MAX_JOBS}, not ${text}`)
  return jobs
}
