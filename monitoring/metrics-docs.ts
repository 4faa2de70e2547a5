import { Registry } from 'prom-client'
import { scoreBounds } from '../src/metrics/buckets.ts'
import { createFamilies } from '../src/metrics/families.ts'
import { LABELS } from '../src/metrics/labels.ts'

interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labelNames: readonly string[]
  readonly upperBounds?: readonly number[]
}

/** Where a label's values are not under its own name in `LABELS`, or are not a closed set of this package. */
const VALUES: Readonly<Record<string, Readonly<Record<string, keyof typeof LABELS>>>> = {
  request_duration_seconds: { decision: 'outcome' },
  escalations_total: { outcome: 'escalation' },
  shed_total: { reason: 'shed' },
  queue_wait_seconds: { stage: 'queue' },
  queue_depth: { stage: 'queue' },
  queue_capacity: { stage: 'queue' },
  workers: { state: 'worker' },
  worker_restarts_total: { reason: 'restart' },
  matcher_calls_total: { outcome: 'matcherOutcome' },
  match_score: { kind: 'matchScore' },
  cache_requests_total: { result: 'cache' },
  shared_cache_requests_total: { result: 'sharedCache' },
}
const OPEN: Readonly<Record<string, string>> = {
  matcher: 'name of the matcher, see below',
  up_to: 'the score',
  version: "the package's version",
  model_sha256: '12 digits',
  preset: '`tuned`, `paper`',
}

const PREFIX = 'diffiqa_'

/** Every family as the code makes it, in its order. */
export function families(): Family[] {
  const register = new Registry()
  createFamilies({ register, prefix: PREFIX, scoreBounds: scoreBounds([]), grouped: false, collect: () => {} })
  return register.getMetricsAsArray() as unknown as Family[]
}

/** The values that a label of a family can have; undefined where they are not this package's. */
function valuesOf({ name }: Family, label: string): readonly string[] | undefined {
  const short = name.slice(PREFIX.length)
  const key = VALUES[short]?.[label] ?? label
  if (label === 'model' && short === 'build_info') return undefined
  return key in LABELS ? LABELS[key as keyof typeof LABELS] : undefined
}

const code = (values: readonly (string | number)[]): string => values.map((value) => `\`${value}\``).join(', ')

/** The generated parts of docs/metrics.md by the name of their markers. */
export function metricsDocs(): Readonly<Record<string, string>> {
  const all = families()
  const series = all.map(
    ({ name, type, labelNames, help }) => `| \`${name}\` | ${type} | ${labelNames.join(', ')} | ${help} |`,
  )
  const labels = new Map<string, { readonly values: string; readonly names: string[] }>()
  for (const family of all)
    for (const label of family.labelNames) {
      const closed = valuesOf(family, label)
      const values = closed
        ? label === 'code'
          ? 'the codes of [errors.md](errors.md)'
          : code(closed)
        : (OPEN[label] ?? "the models' version")
      const key = `${label} ${values}`
      const row = labels.get(key) ?? { values, names: [] }
      row.names.push(family.name.slice(PREFIX.length))
      labels.set(key, row)
    }
  const rows = [...labels].map(
    ([key, { values, names }]) => `| \`${key.split(' ')[0]}\` | ${names.join(', ')} | ${values} |`,
  )
  const bounds = all.flatMap(({ name, upperBounds }) =>
    upperBounds ? [`| \`${name}\` | ${upperBounds.join(' ')} |`] : [],
  )
  const table = (head: string, lines: readonly string[]): string =>
    [head, head.replace(/[^|]+/g, ' --- '), ...lines].join('\n')
  return {
    series: table('| series | type | labels | meaning |', series),
    labels: table('| label | of (without the prefix) | values |', rows),
    bounds: table('| histogram | upper bounds |', bounds),
  }
}

/**
 * The page with its generated parts as they should be.
 * @throws Error when a marker is missing.
 */
export function withGenerated(page: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((text, [name, part]) => {
    const marked = new RegExp(`(<!-- generated: ${name} -->)[^]*?(<!-- end -->)`)
    if (!marked.test(text)) throw new Error(`the page has no marks for the generated part "${name}"`)
    return text.replace(marked, (_, before, after) => `${before}\n\n${part}\n\n${after}`)
  }, page)
}
