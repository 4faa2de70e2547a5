import { type OptionSpecs, parseArguments } from './arguments.ts'
import { optionHelp } from './help.ts'
import { UsageError } from './usage-error.ts'

export interface CalibrateOptions {
  readonly folder: string
  /** Contract of an ONNX embedder. */
  readonly model?: string
  /** JavaScript module of a matcher. */
  readonly matcher?: string
  readonly name?: string
  readonly quality: 'general' | 'matcher'
  /** Undefined: the matcher's own threshold. */
  readonly fmr?: number
  readonly copies: number
  readonly out: string
  readonly modelsDir?: string
}

const CALIBRATE_SPECS = {
  model: {
    value: 'FILE',
    help: 'contract (JSON) of a recognition network in ONNX (default: the SFace of this package)',
  },
  matcher: { value: 'FILE', help: 'JavaScript module whose default export is a matcher, or makes one' },
  name: { value: 'NAME', help: "the adapter's name in guard() (default: onnx, or the matcher's own)" },
  quality: {
    value: 'WHOSE',
    choices: ['general', 'matcher'],
    help: "E of full DifFIQA: this package's (general, default) or the matcher's",
  },
  fmr: {
    value: 'RATE',
    help: "fit the matcher's threshold to this false match rate (default: its own; 1e-3 with --model)",
  },
  copies: {
    value: 'N',
    help: 'degraded copies of each photo, 0 to 5 (default: 1): good photos alone show no failures',
  },
  out: { value: 'FILE', short: 'o', help: 'where to write (default: calibration.json)' },
  models: { value: 'DIR', help: 'models folder of this package (default: its own)' },
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

/** Text of `express-diffiqa calibrate --help`. */
export function calibrateHelp(): string {
  return `Usage: express-diffiqa calibrate [options] DIR

Fits scores, thresholds and down-weighting to a matcher and the photos DIR/<Person>/<file>, for createGate({ calibration }).
Photos and embeddings stay in memory; the file holds numbers about all people together only.

Options:
${optionHelp(CALIBRATE_SPECS)}
Exit code: 0 done, 1 wrong use or a failure; 130 or 143 interrupted.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parseCalibrateOptions(args: readonly string[]): CalibrateOptions | undefined {
  const { values, positionals } = parseArguments(args, CALIBRATE_SPECS)
  if (values.help) return undefined
  const [folder, surplus] = positionals
  if (!folder) throw new UsageError('name the folder of the people')
  if (surplus !== undefined) throw new UsageError(`calibrate takes one folder, but was also given ${surplus}`)
  if (values.model !== undefined && values.matcher !== undefined)
    throw new UsageError('name a network (--model) or a matcher (--matcher), not both')
  const optional = (option: keyof typeof CALIBRATE_SPECS, field: string) =>
    values[option] === undefined ? {} : { [field]: values[option] as string }
  return {
    folder,
    quality: (values.quality as CalibrateOptions['quality'] | undefined) ?? 'general',
    copies: parseCopies((values.copies as string | undefined) ?? '1'),
    out: (values.out as string | undefined) ?? 'calibration.json',
    ...(values.fmr !== undefined && { fmr: parseRate(values.fmr as string) }),
    ...optional('model', 'model'),
    ...optional('matcher', 'matcher'),
    ...optional('name', 'name'),
    ...optional('models', 'modelsDir'),
  }
}

function parseRate(text: string): number {
  const rate = text.trim() === '' ? Number.NaN : Number(text)
  if (!(rate > 0 && rate < 1)) throw new UsageError(`option --fmr must be between 0 and 1, not ${text}`)
  return rate
}

function parseCopies(text: string): number {
  if (!/^[0-5]$/.test(text)) throw new UsageError(`option --copies must be a whole number from 0 to 5, not ${text}`)
  return Number(text)
}
