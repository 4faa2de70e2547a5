import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { labelsOf, unknownIn } from './exported.ts'
import { partsOf } from './promql.ts'

const file = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}
const rules: readonly Rule[] = parse(file('monitoring/prometheus/rules.yml')).groups.flatMap(
  ({ rules }: { rules: Rule[] }) => rules,
)
const alerts = rules.filter(({ alert }) => alert !== undefined)
/** Labels that recorded series may have: those of what they are made of, and their own. */
const recorded = new Map<string, readonly string[]>()
for (const { record, expr, labels = {} } of rules)
  if (record !== undefined)
    recorded.set(record, [
      ...(recorded.get(record) ?? []),
      ...Object.keys(labels),
      ...labelsOf(partsOf(expr).selectors, recorded),
    ])

describe('rules.yml', () => {
  it.each(rules)('$alert $record asks only for what the code exports', ({ expr }) => {
    const { selectors, grouping } = partsOf(expr)
    expect(selectors.length).toBeGreaterThan(0)
    expect(selectors.flatMap((selector) => unknownIn(selector, recorded))).toEqual([])
    const known = labelsOf(selectors, recorded)
    expect(grouping.filter((label) => !known.has(label))).toEqual([])
  })

  it('would notice a series, a label or a value that nobody exports', () => {
    const unknown = (expression: string) => partsOf(expression).selectors.flatMap((selector) => unknownIn(selector))
    expect(unknown('rate(diffiqa_verdict_total[5m])')).toEqual(['series diffiqa_verdict_total'])
    expect(unknown('diffiqa_verdicts_total{route="/x"}')).toEqual(['label route of diffiqa_verdicts_total'])
    expect(unknown('diffiqa_verdicts_total{decision="rejected"}')).toEqual([
      'value rejected of decision of diffiqa_verdicts_total',
    ])
    expect(() => partsOf('sum(rate(x[5m])')).toThrow('not PromQL')
  })

  it.each(alerts)('$alert tells how bad it is, what it is, and where its page is', ({ alert, labels, annotations }) => {
    expect(['warning', 'critical']).toContain(labels?.severity)
    expect(annotations?.summary?.length).toBeGreaterThan(10)
    expect(annotations?.description?.length).toBeGreaterThan(20)
    expect(annotations?.runbook_url).toMatch(new RegExp(`/docs/runbook\\.md#${alert?.toLowerCase()}$`))
  })

  it('has a section of docs/runbook.md for each alert, and none else', () => {
    const sections = [...file('docs/runbook.md').matchAll(/^## (\w+)$/gm)].map(([, name]) => name)
    expect(sections.toSorted()).toEqual([...new Set(alerts.map(({ alert }) => alert))].toSorted())
  })

  it('has a unit test of promtool in which each alert fires, and one in which it does not', () => {
    const tests = ['rules', 'rules.hours', 'rules.week'].flatMap(
      (name) => parse(file(`monitoring/prometheus/${name}.test.yml`)).tests,
    )
    const checks: { alertname: string; exp_alerts?: { exp_labels: Record<string, string> }[] }[] = tests.flatMap(
      ({ alert_rule_test }) => alert_rule_test,
    )
    for (const { alert, labels } of alerts) {
      const own = checks.filter(({ alertname }) => alertname === alert)
      const fires = own.flatMap(({ exp_alerts = [] }) => exp_alerts)
      expect([alert, fires.some(({ exp_labels }) => exp_labels.severity === labels?.severity)]).toEqual([alert, true])
      expect([alert, own.some(({ exp_alerts = [] }) => exp_alerts.length === 0)]).toEqual([alert, true])
    }
  })
})
