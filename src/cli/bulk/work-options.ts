import { type OptionSpecs, parseArguments } from '../arguments.ts'
import { optionHelp } from '../help.ts'
import { parseJobs } from '../score-options.ts'
import { UsageError } from '../usage-error.ts'
import { parseQueueOptions, parseWhole, QUEUE_SPECS, type QueueOptions } from './redis-options.ts'

export interface WorkOptions extends QueueOptions {
  /** Folders and addresses below which photos may be read. */
  readonly allow: readonly string[]
  readonly jobs: number
  /** Milliseconds after which a worker that is not heard of counts as dead. */
  readonly lockMs: number
  readonly drain: boolean
  readonly modelsDir?: string
}

const DEFAULT_LOCK_S = 30
const MAX_LOCK_S = 3600

const WORK_SPECS = {
  ...QUEUE_SPECS,
  allow: { value: 'PREFIX', many: true, help: 'folder or http(s) address to read photos below; may be given again' },
  jobs: { value: 'N', short: 'j', help: 'worker threads (default: the number of processor cores)' },
  drain: { help: 'end when no photo is left to judge, instead of waiting for more' },
  lock: {
    value: 'SECONDS',
    help: `a worker not heard of for so long is taken for dead, its photos go to others (default: ${DEFAULT_LOCK_S})`,
  },
  models: { value: 'DIR', help: 'models folder (default: the one of the package)' },
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

/** Text of `express-diffiqa work --help`. */
export function workHelp(): string {
  return `Usage: express-diffiqa work --redis URL --allow PREFIX... [options]

Judge the photos that "express-diffiqa enqueue" has queued, until it is stopped. Run it on as many machines as you like.
Photos are read below the prefixes only: steps up, links and redirects that lead out of them are refused.

Options:
${optionHelp(WORK_SPECS)}
Exit code: 0 drained, 1 wrong use or a failure that stops the work; 130 or 143 stopped, after the photos in work.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parseWorkOptions(args: readonly string[]): WorkOptions | undefined {
  const { values, positionals, lists } = parseArguments(args, WORK_SPECS)
  if (values.help) return undefined
  if (positionals.length > 0) throw new UsageError(`work takes no arguments, but was given ${positionals[0]}`)
  const allow = lists.allow ?? []
  if (allow.length === 0)
    throw new UsageError('name at least one folder or address that photos may be read below: --allow')
  const { jobs, lock, models } = values as Record<string, string | undefined>
  return {
    ...parseQueueOptions(values),
    allow,
    jobs: parseJobs(jobs),
    lockMs: parseWhole('lock', lock, DEFAULT_LOCK_S, MAX_LOCK_S) * 1000,
    drain: values.drain === true,
    ...(models === undefined ? {} : { modelsDir: models }),
  }
}
