import { parser } from '@prometheus-io/lezer-promql'

export interface Selector {
  readonly name: string
  readonly text: string
  /** Label, operator, value as written. */
  readonly matchers: readonly (readonly [label: string, operator: string, value: string])[]
}

/** What Grafana puts in before Prometheus sees an expression. */
export const filledIn = (expression: string, values: Readonly<Record<string, string>> = {}): string =>
  expression
    .replaceAll('$__rate_interval', values.interval ?? '5m')
    .replaceAll('$__range', values.range ?? '6h')
    .replaceAll(/\$(job|instance|matcher|purpose|mode)\b/g, '.+')

/** The parts of an expression that name series or labels. */
export function partsOf(expression: string): {
  readonly selectors: readonly Selector[]
  /** Labels of `by`, `on`, `ignoring`, `group_left`. */
  readonly grouping: readonly string[]
  /** Functions around each selector, by its place in `selectors`. */
  readonly around: readonly (readonly string[])[]
} {
  const text = (node: { from: number; to: number }): string => expression.slice(node.from, node.to)
  const selectors: Selector[] = []
  const around: string[][] = []
  const grouping: string[] = []
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) throw new Error(`not PromQL, at ${node.from}: ${expression}`)
      if (node.name === 'GroupingLabels')
        for (const label of node.node.getChildren('LabelName')) grouping.push(text(label))
      if (node.name !== 'VectorSelector') return
      const matchers = node.node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []
      const name = node.node.getChild('Identifier')
      selectors.push({
        name: name ? text(name) : '',
        text: text(node),
        matchers: matchers.map((matcher) => {
          const [label, operator, value] = ['LabelName', 'MatchOp', 'StringLiteral'].map((kind) => {
            const child = matcher.getChild(kind)
            return child ? text(child) : ''
          })
          return [label ?? '', operator ?? '', JSON.parse(value ?? '""')] as const
        }),
      })
      const functions: string[] = []
      for (let parent = node.node.parent; parent; parent = parent.parent) {
        const called = parent.name === 'FunctionCall' ? parent.getChild('FunctionIdentifier') : null
        if (called) functions.push(text(called))
      }
      around.push(functions)
    },
  })
  return { selectors, grouping, around }
}
