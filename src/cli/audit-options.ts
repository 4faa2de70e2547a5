import type { PolicyName } from '../inference/manifest.ts'
import { type OptionSpecs, parseArguments } from './arguments.ts'
import { optionHelp } from './help.ts'
import { parseJobs } from './score-options.ts'
import { UsageError } from './usage-error.ts'

export interface AuditOptions {
  /** Files and folders, as given; none with a list. */
  readonly paths: readonly string[]
  /** CSV of a gallery's people. */
  readonly list?: string
  /** Folder of the report; undefined: none is written. */
  readonly out?: string
  readonly json: boolean
  readonly full: boolean
  readonly pictures: boolean
  /** Most photos on the HTML page. */
  readonly top: number
  readonly policy: PolicyName
  readonly jobs: number
  readonly modelsDir?: string
}

const DEFAULT_OUT = 'diffiqa-audit'
const DEFAULT_TOP = 500

const AUDIT_SPECS = {
  list: { value: 'FILE', help: "a gallery's list instead of folders: CSV with subject,file and, if kept, quality" },
  out: { value: 'DIR', help: `folder of the report (default: ${DEFAULT_OUT}; with --json none)` },
  json: { help: 'JSON Lines on standard output, the worst photo first' },
  full: { help: 'full DifFIQA on every face (slower); without it where DifFIQA(R) is uncertain' },
  'no-pictures': { help: 'an HTML page without pictures of people' },
  top: { value: 'N', help: `most photos on the HTML page, the worst ones (default: ${DEFAULT_TOP})` },
  policy: {
    value: 'NAME',
    choices: ['lenient', 'balanced', 'strict'],
    help: 'thresholds for enrolment: lenient, balanced (default) or strict',
  },
  jobs: { value: 'N', short: 'j', help: 'worker threads (default: the number of processor cores)' },
  models: { value: 'DIR', help: 'models folder (default: the one of the package)' },
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

/** Text of `express-diffiqa audit --help`. */
export function auditHelp(): string {
  return `Usage: express-diffiqa audit [options] FILE|DIR...
       express-diffiqa audit [options] --list FILE

Which enrolled photos would be refused today, and what to do about each: the stricter thresholds for enrolment over all
photos DIR/<Person>/<file> or DIR/<Person>.<ending>. Writes audit.html, audit.csv and audit.jsonl. Ended at any moment,
the same command goes on; run again, it looks only at new and changed photos.

Options:
${optionHelp(AUDIT_SPECS)}
Exit code: 0 all photos were judged, 1 wrong use or a failure that stops the work, 2 some photos could not be looked at;
130 or 143 interrupted.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parseAuditOptions(args: readonly string[]): AuditOptions | undefined {
  const { values, positionals } = parseArguments(args, AUDIT_SPECS)
  if (values.help) return undefined
  const text = (name: keyof typeof AUDIT_SPECS): string | undefined => values[name] as string | undefined
  const [list, modelsDir] = [text('list'), text('models')]
  if (list === undefined && positionals.length === 0) throw new UsageError('name at least one file or folder')
  if (list !== undefined && positionals.length > 0) throw new UsageError('name photos or a --list, not both')
  if (positionals.includes('')) throw new UsageError('a file name is empty')
  const out = text('out') ?? (values.json ? undefined : DEFAULT_OUT)
  return {
    paths: positionals,
    ...(list === undefined ? {} : { list }),
    ...(out === undefined ? {} : { out }),
    json: values.json === true,
    full: values.full === true,
    pictures: values['no-pictures'] !== true,
    top: parseTop(text('top')),
    policy: (text('policy') ?? 'balanced') as PolicyName,
    jobs: parseJobs(text('jobs')),
    ...(modelsDir === undefined ? {} : { modelsDir }),
  }
}

function parseTop(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TOP
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`option --top must be a whole number, not ${text}`)
  return Number(text)
}
