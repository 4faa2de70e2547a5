import { readdirSync, readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { dashboards } from '../../monitoring/dashboards/all.ts'
import { STEPS, STEPS_AND_REST } from '../../monitoring/dashboards/variables.ts'
import { SCORE_STEPS } from '../../src/metrics/buckets.ts'
import { COUNTERS, labelsOf, unknownIn } from './exported.ts'
import { filledIn, partsOf } from './promql.ts'

const FOLDER = new URL('../../monitoring/grafana/', import.meta.url)
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))

interface Target {
  readonly expr: string
  readonly refId: string
  readonly datasource: unknown
}
interface Panel {
  readonly id: number
  readonly type: string
  readonly title?: string
  readonly description?: string
  readonly datasource?: unknown
  readonly targets?: readonly Target[]
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
}
interface Variable {
  readonly name: string
  readonly type: string
  readonly query: string
  readonly multi?: boolean
  readonly includeAll?: boolean
  readonly allValue?: string
  readonly refresh?: number
  readonly datasource?: unknown
}
interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly editable: boolean
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
  readonly links: readonly { readonly url: string }[]
}

const load = (name: string): Dashboard => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'))
// Grafana's own placeholder.
const DATASOURCE = { type: 'prometheus', uid: `$${'{datasource}'}` }

it('are what the typed code builds; `npm run build:monitoring` writes them', () => {
  expect(Object.keys(dashboards()).toSorted()).toEqual(FILES.toSorted())
  for (const [name, text] of Object.entries(dashboards()))
    expect(readFileSync(new URL(name, FOLDER), 'utf8')).toBe(text)
})

it('ask for all bounds that every gate has, and for no threshold', () => {
  const pattern = (matcher: string): RegExp => new RegExp(`^(?:${JSON.parse(matcher.replace('le=~', ''))})$`)
  for (const bound of SCORE_STEPS) expect(String(bound)).toMatch(pattern(STEPS))
  for (const bound of [...SCORE_STEPS, '+Inf']) expect(String(bound)).toMatch(pattern(STEPS_AND_REST))
  for (const bound of ['0.72', '0.7123', '0.555', '1', '0.0', '+Inf']) expect(bound).not.toMatch(pattern(STEPS))
  expect(readFileSync(new URL('../prometheus/rules.yml', FOLDER), 'utf8').split(STEPS)).toHaveLength(4)
})

it('have ids of their own', () => {
  const uids = FILES.map((name) => load(name).uid)
  expect(new Set(uids).size).toBe(uids.length)
})

const schema = JSON.parse(readFileSync(new URL('dashboard.jsonschema.json', import.meta.url), 'utf8'))
const validate = new Ajv({ strict: false, allErrors: true, formats: { 'date-time': true } }).compile(schema)

describe.each(FILES)('%s', (name) => {
  const board = load(name)
  const panels = board.panels.filter(({ type }) => type !== 'row')
  const targets = panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })))

  it("fits Grafana's schema, which would notice a wrong key", () => {
    validate(board)
    expect(validate.errors ?? []).toEqual([])
    expect(validate({ ...board, pannels: [] })).toBe(false)
  })

  // The rules of grafana/dashboard-linter.
  it('cannot be edited by accident, and links to the docs', () => {
    expect(board.editable).toBe(false)
    expect(board.links.map(({ url }) => url.split('/').at(-1))).toEqual(['operators.md', 'runbook.md'])
  })

  it('has the variables datasource, job and instance, and the labels of the photos', () => {
    const [datasource, ...choices] = board.templating.list
    expect([datasource?.name, datasource?.type, datasource?.query]).toEqual(['datasource', 'datasource', 'prometheus'])
    expect(choices.map(({ name }) => name)).toEqual(['job', 'instance', 'matcher', 'purpose', 'mode'])
    for (const choice of choices) {
      expect(choice).toMatchObject({ type: 'query', multi: true, includeAll: true, allValue: '.+', refresh: 2 })
      expect(choice.datasource).toEqual(DATASOURCE)
      const [, series = ''] = /^label_values\((.+), \w+\)$/.exec(choice.query) ?? []
      for (const selector of partsOf(filledIn(series)).selectors) expect(unknownIn(selector)).toEqual([])
    }
  })

  it('has panels that say what they show and what to do', () => {
    for (const { title, description, type, fieldConfig, targets = [], datasource } of panels) {
      expect(title).toMatch(/^\p{Lu}/u)
      expect([title, (description ?? '').length > 40]).toEqual([title, true])
      expect([title, fieldConfig?.defaults.unit]).toEqual([title, expect.stringMatching(/^[a-z]+$/)])
      expect([title, type, targets.length > 0]).toEqual([title, type, true])
      expect(datasource).toEqual(DATASOURCE)
      for (const target of targets) expect(target.datasource).toEqual(DATASOURCE)
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
    }
  })

  it('has panels beside one another on 24 columns, each with its id', () => {
    const ids = board.panels.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const taken = new Set<string>()
    for (const { title, gridPos } of board.panels) {
      expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true])
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, taken.has(`${x} ${y}`)]).toEqual([title, false])
          taken.add(`${x} ${y}`)
        }
    }
  })

  it.each(targets)('$title: asks only for what the code exports, by job and instance: $expr', ({ expr }) => {
    const { selectors, grouping, around } = partsOf(filledIn(expr))
    expect(selectors.length).toBeGreaterThan(0)
    for (const [i, selector] of selectors.entries()) {
      expect(unknownIn(selector)).toEqual([])
      const labels = selector.matchers.map(([label]) => label)
      expect(labels).toEqual(expect.arrayContaining(['job', 'instance']))
      if (COUNTERS.has(selector.name))
        expect(around[i]?.some((name) => ['rate', 'increase', 'irate'].includes(name))).toBe(true)
    }
    const known = labelsOf(selectors)
    expect(grouping.filter((label) => !known.has(label))).toEqual([])
    // A fixed window would not follow the scrape interval and the zoom; hours are meant where they are written.
    for (const [, window] of expr.matchAll(/\}\[([^\]]+)\]/g))
      expect(['$__rate_interval', '$__range', '6h']).toContain(window)
  })
})
