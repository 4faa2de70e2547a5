import { LABELS } from '../metrics/labels.ts'
import { type OptionSpecs, parseArguments } from './arguments.ts'
import { optionHelp } from './help.ts'
import type { MonitoringNames } from './monitoring-files.ts'
import { NAME_SPECS, parseNames } from './monitoring-options.ts'
import { UsageError } from './usage-error.ts'

export interface AdviseOptions extends MonitoringNames {
  readonly prometheus: URL
  readonly purpose: string
  /** Undefined: all matchers together. */
  readonly matcher?: string
  /** Duration of Prometheus, such as `7d`. */
  readonly last: string
  readonly json: boolean
}

const ADVISE_SPECS = {
  prometheus: { value: 'URL', help: 'address of the Prometheus that scrapes the gate, such as http://localhost:9090' },
  last: { value: 'TIME', help: 'how far to look back, such as 12h or 7d (default: 7d)' },
  purpose: { value: 'NAME', choices: LABELS.purpose, help: 'probe (default) or enrolment' },
  matcher: { value: 'NAME', help: 'only this value of the label matcher (default: all)' },
  ...NAME_SPECS,
  json: { help: 'one JSON object instead of tables' },
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

/** Text of `express-diffiqa advise --help`. */
export function adviseHelp(): string {
  return `Usage: express-diffiqa advise --prometheus URL [options]

Say from recorded metrics what share of photos each threshold would have refused, and how the matcher's raw scores were
distributed meanwhile. For choosing thresholds while the gate runs in shadow or annotate mode; see docs/rollout.md.

Options:
${optionHelp(ADVISE_SPECS)}
Exit code: 0 done, 1 wrong use, no answer, or no recorded scores.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parseAdviseOptions(args: readonly string[]): AdviseOptions | undefined {
  const { values, positionals } = parseArguments(args, ADVISE_SPECS)
  if (values.help) return undefined
  if (positionals.length > 0) throw new UsageError(`advise takes no arguments, but was given ${positionals[0]}`)
  const { last = '7d', purpose = 'probe', matcher } = values as Record<string, string | undefined>
  if (!/^([1-9]\d*(s|m|h|d|w|y))+$/.test(last))
    throw new UsageError(`option --last must be like 12h or 7d, not ${last}`)
  if (matcher !== undefined && !/^[\w.-]{1,64}$/.test(matcher))
    throw new UsageError(`option --matcher must be the name of a matcher, not ${matcher}`)
  return {
    prometheus: addressOf(values.prometheus),
    purpose,
    last,
    json: values.json === true,
    ...(matcher !== undefined && { matcher }),
    ...parseNames(values),
  }
}

function addressOf(text: string | true | undefined): URL {
  if (typeof text !== 'string') throw new UsageError('option --prometheus URL is needed')
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`option --prometheus must be an address such as http://localhost:9090, not ${text}`)
  return url
}
