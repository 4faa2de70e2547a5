import type { Goal } from '../capacity/plan.ts'
import { type OptionSpecs, parseArguments } from './arguments.ts'
import { optionHelp } from './help.ts'
import { UsageError } from './usage-error.ts'

export interface PlanOptions {
  readonly goal: Goal
  /** Path of a capacity profile; undefined: the package's. */
  readonly profile: string | undefined
  /** Means in milliseconds that replace those of the profile. */
  readonly fastMs: number | undefined
  readonly fullMs: number | undefined
  readonly photoBytes: number | undefined
  readonly json: boolean
}

const PLAN_SPECS = {
  rps: { value: 'N', help: 'probes a second, all instances together' },
  p99: { value: 'TIME', help: 'by when 99 of 100 probes have their verdict, such as 150ms or 1.5s' },
  escalation: { value: 'SHARE', help: 'share of probes that need a second look, 0 to 1 or in percent (default: 0.1)' },
  cores: { value: 'N', help: 'processor cores of an instance, one worker each, 1 to 64 (default: 2, as measured)' },
  spare: { value: 'N', help: 'instances that may be gone, 0 to 1000 (default: 1)' },
  profile: { value: 'FILE', help: 'measured times of your machine, in the form of models/capacity.json' },
  fast: { value: 'TIME', help: 'mean time of the fast score instead of the measured one, on one idle core' },
  full: { value: 'TIME', help: 'mean time of full DifFIQA instead of the measured one' },
  'photo-bytes': { value: 'N', help: 'mean size of a photo, for the network' },
  json: { help: 'one JSON object' },
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

/** Text of `express-diffiqa plan --help`. */
export function planHelp(): string {
  return `Usage: express-diffiqa plan --rps N --p99 TIME [options]

How many instances of the gate a load needs, with cores, memory, and what second looks cost: simulated from measured
times, so for other machines, photos or networks give your own; see docs/scale.md.

Options:
${optionHelp(PLAN_SPECS)}
Exit code: 0 there is a plan, 1 wrong use, or no number of instances will do.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parsePlanOptions(args: readonly string[]): PlanOptions | undefined {
  const { values, positionals } = parseArguments(args, PLAN_SPECS)
  if (values.help) return undefined
  if (positionals.length > 0) throw new UsageError(`plan takes no arguments, but was given ${positionals[0]}`)
  const texts = values as Readonly<Record<string, string | undefined>>
  const whole = (name: string, least: number, most: number, usual: number): number =>
    texts[name] === undefined ? usual : wholeNumber(name, texts[name], least, most)
  const time = (name: string): number | undefined => (texts[name] === undefined ? undefined : timeOf(name, texts[name]))
  if (texts.rps === undefined) throw new UsageError('plan needs --rps N, probes a second')
  if (texts.p99 === undefined) throw new UsageError('plan needs --p99 TIME, such as 150ms')
  return {
    goal: {
      rps: rateOf(texts.rps),
      p99Ms: timeOf('p99', texts.p99),
      escalation: texts.escalation === undefined ? 0.1 : shareOf(texts.escalation),
      cores: whole('cores', 1, 64, 2),
      spare: whole('spare', 0, 1000, 1),
    },
    profile: texts.profile,
    fastMs: time('fast'),
    fullMs: time('full'),
    photoBytes: texts['photo-bytes'] === undefined ? undefined : whole('photo-bytes', 1, 1e9, 1),
    json: values.json === true,
  }
}

const DECIMAL = /^(?:\d+(?:\.\d+)?|\.\d+)$/
const MAX_RPS = 1e7
const MAX_TIME_MS = 60_000

function rateOf(text: string): number {
  const rate = DECIMAL.test(text) ? Number(text) : Number.NaN
  if (rate > 0 && rate <= MAX_RPS) return rate
  throw new UsageError(`option --rps must be a number above 0 and at most ${MAX_RPS}, not ${text}`)
}

function timeOf(name: string, text: string): number {
  const [, number = '', unit] = /^([\d.]+)(ms|s)$/.exec(text) ?? []
  const ms = DECIMAL.test(number) ? Number(number) * (unit === 's' ? 1000 : 1) : Number.NaN
  if (ms > 0 && ms <= MAX_TIME_MS) return ms
  throw new UsageError(`option --${name} must be a time such as 150ms or 1.5s, at most 60s, not ${text}`)
}

function shareOf(text: string): number {
  const percent = text.endsWith('%')
  const number = percent ? text.slice(0, -1) : text
  const share = DECIMAL.test(number) ? Number(number) / (percent ? 100 : 1) : Number.NaN
  if (share >= 0 && share <= 1) return share
  throw new UsageError(`option --escalation must be a share such as 0.1 or 10%, not ${text}`)
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (number >= least && number <= most) return number
  throw new UsageError(`option --${name} must be a whole number from ${least} to ${most}, not ${text}`)
}
