import { extname } from 'node:path'
import type { PolicyName, Purpose } from '../../inference/manifest.ts'
import type { PresetName } from '../../quality/diffiqa.ts'
import { type OptionSpecs, parseArguments } from '../arguments.ts'
import { optionHelp } from '../help.ts'
import { UsageError } from '../usage-error.ts'
import type { BulkTask } from './bulk-task.ts'
import { parseQueueOptions, parseWhole, QUEUE_SPECS, type QueueOptions } from './redis-options.ts'

export interface EnqueueOptions extends QueueOptions {
  /** Folders and lists. */
  readonly inputs: readonly string[]
  readonly out?: string
  readonly format: 'json' | 'csv'
  readonly task: BulkTask
  readonly attempts: number
  readonly retry: boolean
}

const DEFAULT_ATTEMPTS = 3
const MAX_ATTEMPTS = 20

const ENQUEUE_SPECS = {
  ...QUEUE_SPECS,
  out: { value: 'FILE', help: 'wait for the results and write them, one line for each photo: .csv, else JSON Lines' },
  audit: { help: 'judge as "audit" does: enrolment, full DifFIQA where uncertain; FILE can be its audit.jsonl' },
  retry: { help: 'let failed photos wait again' },
  full: { help: 'run full DifFIQA on every face' },
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
  attempts: { value: 'N', help: `tries for a photo that cannot be fetched or scored (default: ${DEFAULT_ATTEMPTS})` },
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

/** Text of `express-diffiqa enqueue --help`. */
export function enqueueHelp(): string {
  return `Usage: express-diffiqa enqueue --redis URL [--out FILE] [options] DIR|LIST...
       express-diffiqa enqueue --redis URL --out FILE [options]

Queue photos for "express-diffiqa work" on any number of machines. A LIST is text with one path or URL a line, or CSV with
a column file. Only places are queued, never photos. Ended at any moment, the same command goes on; no photo is queued
twice. Without DIR or LIST, only the results of what is queued are written.

Options:
${optionHelp(ENQUEUE_SPECS)}
Exit code: 0 done, 1 wrong use or a failure that stops the work, 2 some photos could not be looked at; 130 or 143
interrupted.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parseEnqueueOptions(args: readonly string[]): EnqueueOptions | undefined {
  const { values, positionals } = parseArguments(args, ENQUEUE_SPECS)
  if (values.help) return undefined
  const text = (name: keyof typeof ENQUEUE_SPECS): string | undefined => values[name] as string | undefined
  if (positionals.includes('')) throw new UsageError('a file name is empty')
  const out = text('out')
  if (positionals.length === 0 && out === undefined && !values.retry)
    throw new UsageError('name at least one folder or list')
  const full = values.full === true
  if (values.preset && !full) throw new UsageError('--preset is about full DifFIQA: add --full')
  if (values.audit && (values.purpose || values.preset))
    throw new UsageError('--audit judges for enrolment with the tuned preset: leave out --purpose and --preset')
  return {
    ...parseQueueOptions(values),
    inputs: positionals,
    ...(out === undefined ? {} : { out }),
    format: out !== undefined && extname(out).toLowerCase() === '.csv' ? 'csv' : 'json',
    task: {
      kind: values.audit ? 'audit' : 'score',
      full,
      policy: (text('policy') ?? 'balanced') as PolicyName,
      purpose: values.audit ? 'enrolment' : ((text('purpose') ?? 'probe') as Purpose),
      preset: (text('preset') ?? 'tuned') as PresetName,
    },
    attempts: parseWhole('attempts', text('attempts'), DEFAULT_ATTEMPTS, MAX_ATTEMPTS),
    retry: values.retry === true,
  }
}
