import { type OptionSpecs, parseArguments } from './arguments.ts'
import { optionHelp } from './help.ts'
import { DEFAULT_NAMES, type MonitoringNames } from './monitoring-files.ts'
import { UsageError } from './usage-error.ts'

/** Options that say how the series of a user are called. */
export const NAME_SPECS = {
  prefix: { value: 'PREFIX', help: `of the series, as in createMetrics() (default: ${DEFAULT_NAMES.prefix})` },
  job: { value: 'JOB', help: `of the scrape configuration (default: ${DEFAULT_NAMES.job})` },
} satisfies OptionSpecs

const FILE_SPECS = {
  out: { value: 'DIR', help: 'where to write; made if it is not there' },
  ...NAME_SPECS,
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

export interface MonitoringOptions extends MonitoringNames {
  readonly out: string
}

/** The two commands that write files for monitoring. */
export type MonitoringCommand = 'dashboards' | 'rules'

const ABOUT: Readonly<Record<MonitoringCommand, string>> = {
  dashboards: 'Write the Grafana dashboards (JSON) for your own prefix and job.',
  rules: "Write Prometheus' recording rules and alerts (YAML) for your own prefix and job.",
}

/** Text of `express-diffiqa dashboards --help` and `rules --help`. */
export function monitoringHelp(command: MonitoringCommand): string {
  return `Usage: express-diffiqa ${command} --out DIR [options]

${ABOUT[command]} Files of the same name are replaced.

Options:
${optionHelp(FILE_SPECS)}
Exit code: 0 written, 1 wrong use or a failure.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parseMonitoringOptions(
  command: MonitoringCommand,
  args: readonly string[],
): MonitoringOptions | undefined {
  const { values, positionals } = parseArguments(args, FILE_SPECS)
  if (values.help) return undefined
  if (positionals.length > 0) throw new UsageError(`${command} takes no arguments, but was given ${positionals[0]}`)
  if (typeof values.out !== 'string') throw new UsageError('option --out DIR is needed')
  return { out: values.out, ...parseNames(values) }
}

/** @throws UsageError */
export function parseNames(values: Readonly<Record<string, string | true>>): MonitoringNames {
  const { prefix, job } = { ...DEFAULT_NAMES, ...values } as Record<string, string> & MonitoringNames
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(prefix))
    throw new UsageError(`option --prefix must be the beginning of a metric name, not ${prefix}`)
  if (/["\\\n{}$]/.test(job)) throw new UsageError(`option --job must be the name of a job, not ${job}`)
  return { prefix, job }
}
