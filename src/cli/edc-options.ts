import type { CrossPattern } from '../evaluation/cross-pairs.ts'
import type { PhotoSet } from '../evaluation/degraded-set.ts'
import { type OptionSpecs, parseArguments } from './arguments.ts'
import { optionHelp } from './help.ts'
import { parseJobs } from './score-options.ts'
import { UsageError } from './usage-error.ts'

export interface EdcOptions {
  readonly folder: string
  /** Contract files of the judges. */
  readonly models: readonly string[]
  /** CSV files of other methods' scores. */
  readonly scores: readonly { readonly name: string; readonly path: string }[]
  readonly own: boolean
  readonly full: boolean
  readonly baselines: boolean
  readonly pairs?: string
  /** Names of the photos on either side of the comparisons. */
  readonly cross?: CrossPattern
  readonly foundOnly: boolean
  /** Degrade the photos first. */
  readonly set: PhotoSet
  /** Set thresholds again on what is kept. */
  readonly threshold: 'fixed' | 'kept'
  readonly fmr: number
  readonly discard: readonly number[]
  /** Wanted FNMR, for which thresholds are proposed. */
  readonly fnmr: readonly number[]
  readonly rounds: number
  readonly seed: string
  readonly json: boolean
  readonly out?: string
  /** Draw the curves into `out`. */
  readonly plots: boolean
  /** Folder of remembered embeddings. */
  readonly cache?: string
  readonly jobs: number
  readonly modelsDir?: string
}

const EDC_SPECS = {
  model: { value: 'FILE', many: true, help: 'contract (JSON) of a recognition network in ONNX; may be repeated' },
  scores: { value: 'NAME=FILE', many: true, help: "another method's scores: CSV with file,score; may be repeated" },
  own: { help: 'the scores of this package (default without --scores)' },
  full: { help: 'full DifFIQA and the combination as well; slower' },
  baselines: { help: "detector confidence, eye distance and the networks' embedding norms as well" },
  pairs: { value: 'FILE', help: 'CSV with first,second,same (1 or 0) (default: every two photos)' },
  cross: { value: 'A,B', help: 'compare photos named A with photos named B, e.g. "frontal_*,profile_*"' },
  degrade: { value: 'SET', choices: ['mixed', 'hard'], help: 'degrade 35 % of the photos (mixed) or all (hard) first' },
  'found-only': { help: 'only pairs of two found faces (default: without a face a pair fails, and goes first)' },
  fmr: { value: 'RATE', help: 'share of impostor pairs that pass (default: 1e-3)' },
  threshold: {
    value: 'HOW',
    choices: ['fixed', 'kept'],
    help: 'or set again on the pairs that are kept (default: fixed)',
  },
  discard: { value: 'LIST', help: 'discarded shares r of pAUC(r) and of proposed thresholds (default: .05,.2,.3)' },
  fnmr: { value: 'LIST', help: 'propose thresholds for these FNMRs as well' },
  rounds: { value: 'N', help: 'bootstrap rounds (default: 400)' },
  seed: { value: 'TEXT', help: 'of ties, random score and bootstrap (default: 1)' },
  json: { help: 'one JSON object instead of Markdown' },
  out: { value: 'DIR', help: 'write tables.md, result.json, curves.csv and scores.csv into DIR' },
  plots: { help: 'draw the curves into the folder of --out, as SVG and PNG; needs the package echarts' },
  cache: { value: 'DIR', help: 'remember embeddings in DIR (default: none is written)' },
  jobs: { value: 'N', short: 'j', help: 'worker threads (default: the number of processor cores)' },
  models: { value: 'DIR', help: 'models folder of this package (default: its own)' },
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

/** Text of `express-diffiqa edc --help`. */
export function edcHelp(): string {
  return `Usage: express-diffiqa edc [options] --model CONTRACT.json DIR

How well quality scores tell which comparisons fail: error-versus-discard curves of the photos DIR/<Person>/<file>, for
recognition networks of your choice. The first score is the one that the others are compared with.

Options:
${optionHelp(EDC_SPECS)}
Exit code: 0 done, 1 wrong use or a failure; 130 or 143 interrupted.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parseEdcOptions(args: readonly string[]): EdcOptions | undefined {
  const { values, positionals, lists } = parseArguments(args, EDC_SPECS)
  if (values.help) return undefined
  const [folder, surplus] = positionals
  if (!folder) throw new UsageError('name the folder of the people')
  if (surplus !== undefined) throw new UsageError(`edc takes one folder, but was also given ${surplus}`)
  if (!lists.model) throw new UsageError('name at least one recognition network: --model CONTRACT.json')
  const text = (name: keyof typeof EDC_SPECS): string | undefined => values[name] as string | undefined
  const optional = (option: keyof typeof EDC_SPECS, field: string) =>
    text(option) === undefined ? {} : { [field]: text(option) as string }
  const own = values.own === true || !lists.scores
  if (values.plots && values.out === undefined) throw new UsageError('--plots needs a folder: add --out DIR')
  if (values.cross !== undefined && values.pairs !== undefined)
    throw new UsageError('--pairs and --cross both say what is compared: choose one')
  if (values.degrade !== undefined && values.threshold === 'kept')
    throw new UsageError('--threshold kept is about the photos themselves: not with --degrade')
  if (values.full && !own) throw new UsageError('--full is about the own scores: add --own')
  return {
    folder,
    models: lists.model,
    scores: (lists.scores ?? []).map(parseScores),
    own,
    full: values.full === true,
    baselines: values.baselines === true,
    foundOnly: values['found-only'] === true,
    set: (text('degrade') ?? 'natural') as PhotoSet,
    threshold: (text('threshold') ?? 'fixed') as EdcOptions['threshold'],
    plots: values.plots === true,
    ...(text('cross') !== undefined && { cross: parseCross(text('cross') as string) }),
    fmr: parseShares('fmr', text('fmr') ?? '1e-3')[0] as number,
    discard: parseShares('discard', text('discard') ?? '.05,.2,.3'),
    fnmr: text('fnmr') === undefined ? [] : parseShares('fnmr', text('fnmr') as string),
    rounds: parseRounds(text('rounds') ?? '400'),
    seed: text('seed') ?? '1',
    json: values.json === true,
    jobs: parseJobs(text('jobs')),
    ...optional('pairs', 'pairs'),
    ...optional('out', 'out'),
    ...optional('cache', 'cache'),
    ...optional('models', 'modelsDir'),
  }
}

function parseScores(text: string): { name: string; path: string } {
  const [, name, path] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (!name || !path) throw new UsageError(`option --scores must be NAME=FILE, not ${text}`)
  return { name, path }
}

function parseCross(text: string): CrossPattern {
  const [first, second, surplus] = text.split(',')
  if (!first || !second || surplus !== undefined)
    throw new UsageError(`option --cross takes two patterns, FIRST,SECOND, not ${text}`)
  return { first, second }
}

function parseShares(option: string, text: string): number[] {
  const shares = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (!shares.every((share) => share > 0 && share < 1))
    throw new UsageError(`option --${option} must be between 0 and 1, not ${text}`)
  if (option === 'fmr' && shares.length > 1) throw new UsageError('option --fmr takes one number')
  return shares
}

function parseRounds(text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) < 1)
    throw new UsageError(`option --rounds must be a whole number from 1, not ${text}`)
  return Number(text)
}
