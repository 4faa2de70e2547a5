import { families } from '../../monitoring/metrics-docs.ts'
import { LABELS } from '../../src/metrics/labels.ts'
import type { Selector } from './promql.ts'

/** Labels that Prometheus adds when it scrapes. */
const SCRAPED = ['job', 'instance']
/** Series of Prometheus itself. */
const OWN: Readonly<Record<string, readonly string[]>> = { up: [] }

/** Labels of each series of a scrape, by its name: what the code exports. */
export const EXPORTED: ReadonlyMap<string, readonly string[]> = new Map([
  ...families().flatMap(({ name, type, labelNames }): (readonly [string, readonly string[]])[] =>
    type === 'histogram'
      ? [
          [`${name}_bucket`, [...labelNames, 'le']],
          [`${name}_sum`, labelNames],
          [`${name}_count`, labelNames],
        ]
      : [[name, labelNames]],
  ),
  ...Object.entries(OWN),
])

/** Values of the closed labels; names of matchers and the like are open. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  mode: LABELS.mode,
  purpose: LABELS.purpose,
  method: LABELS.method,
  bound: LABELS.bound,
  code: LABELS.code,
  kind: LABELS.matchScore,
  stage: [...LABELS.stage, ...LABELS.queue],
  decision: LABELS.outcome,
  outcome: [...LABELS.escalation, ...LABELS.matcherOutcome],
  reason: [...LABELS.reason, ...LABELS.shed, ...LABELS.restart],
  result: LABELS.cache,
}

/** What an expression asks for and nobody exports: series, labels, values. */
export function unknownIn(
  { name, matchers }: Selector,
  recorded: ReadonlyMap<string, readonly string[]> = new Map(),
): string[] {
  const labels = EXPORTED.get(name) ?? recorded.get(name)
  if (!labels) return [`series ${name}`]
  return matchers.flatMap(([label, operator, value]) => {
    if (SCRAPED.includes(label)) return []
    if (!labels.includes(label)) return [`label ${label} of ${name}`]
    const values = VALUES[label]
    if (!values || value === '.+' || value === '') return []
    const wanted = operator === '=' || operator === '!=' ? [value] : value.split('|')
    return wanted
      .filter((each) => !values.some((known) => new RegExp(`^(?:${each})$`).test(known)))
      .map((each) => `value ${each} of ${label} of ${name}`)
  })
}

/** Labels that a grouping may name: any of the selectors', and those of a scrape. */
export const labelsOf = (
  selectors: readonly Selector[],
  recorded: ReadonlyMap<string, readonly string[]> = new Map(),
): Set<string> =>
  new Set([...SCRAPED, ...selectors.flatMap(({ name }) => EXPORTED.get(name) ?? recorded.get(name) ?? [])])

/** Names that counters have. */
export const COUNTERS = new Set(
  families().flatMap(({ name, type }) =>
    type === 'counter' ? [name] : type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [],
  ),
)
