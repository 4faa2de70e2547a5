import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { DEFAULT_PREFIX } from '../metrics/create-metrics.ts'

/** Seen from a file of the flat dist/ folder, and from this source file. */
const CANDIDATES = ['../monitoring/', '../../monitoring/']
const DEFAULT_JOB = 'express-diffiqa'

export interface MonitoringNames {
  /** Of the series, as `createMetrics()` has it. */
  readonly prefix: string
  /** Of the scrape configuration. */
  readonly job: string
}

/** What there is without options: the names in the files of the package. */
export const DEFAULT_NAMES: MonitoringNames = { prefix: DEFAULT_PREFIX, job: DEFAULT_JOB }

export interface MonitoringFile {
  readonly name: string
  readonly text: string
}

/** The alerts and recording rules. */
export function ruleFiles(names: MonitoringNames): MonitoringFile[] {
  const text = withPrefix(read('prometheus/rules.yml'), names.prefix)
  return [{ name: 'express-diffiqa.rules.yml', text: text.replaceAll(`job="${DEFAULT_JOB}"`, `job="${names.job}"`) }]
}

/** The dashboards; with another prefix they are other dashboards, with a title and an id of their own. */
export function dashboardFiles(names: MonitoringNames): MonitoringFile[] {
  const files = readdirSync(new URL('grafana/', folder())).filter((name) => name.endsWith('.json'))
  return files.toSorted().map((name) => ({ name, text: renamed(read(`grafana/${name}`), names) }))
}

interface Dashboard {
  uid: string
  title: string
  templating: { list: { name: string; current?: unknown }[] }
}

function renamed(text: string, { prefix, job }: MonitoringNames): string {
  const dashboard = JSON.parse(withPrefix(text, prefix)) as Dashboard
  if (prefix !== DEFAULT_PREFIX) {
    const own = prefix.replace(/[^a-zA-Z0-9]+$/, '')
    dashboard.uid = `${dashboard.uid}-${own.replaceAll(/[^a-zA-Z0-9]/g, '-')}`.slice(0, MAX_UID)
    dashboard.title = `${dashboard.title} (${own})`
  }
  const variable = dashboard.templating.list.find(({ name }) => name === 'job')
  if (variable && job !== DEFAULT_JOB) variable.current = { selected: true, text: [job], value: [job] }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

/** Of Grafana. */
const MAX_UID = 40

/** Series and recorded series with another prefix; `diffiqa_r` is no series but a value of labels. */
function withPrefix(text: string, prefix: string): string {
  const recorded = prefix.replace(/[_:]+$/, '') || prefix
  return text.replaceAll(/\bdiffiqa_(?!r\b)(?=[a-z])/g, prefix).replaceAll(/\bdiffiqa:(?=[a-z])/g, `${recorded}:`)
}

const read = (name: string): string => readFileSync(new URL(name, folder()), 'utf8')

function folder(): URL {
  const places = CANDIDATES.map((path) => new URL(path, import.meta.url))
  const found = places.find((place) => existsSync(new URL('prometheus/rules.yml', place)))
  if (found) return found
  const error = new Error(`the folder monitoring/ is missing: looked in ${places.map(String).join(' and ')}`)
  throw Object.assign(error, { code: 'file-not-found' })
}
