import { markdownTable } from '../../src/cli/markdown-table.ts'
import type { Estimate } from '../../src/evaluation/bootstrap.ts'
import { FAILING_TO_RANK } from '../../src/evaluation/compare.ts'
import type { Plot, PlotLine } from '../../src/evaluation/plot.ts'
import { CASCADE, FAST, FULL } from './columns.ts'
import { interval, percent, three } from './format.ts'
import type { Goal } from './goals.ts'
import { type BenchmarkResult, LIMITS, MAIN, meanRow, overall } from './run-benchmarks.ts'

export function goalTable(goals: readonly Goal[]): string {
  const mark = (met: boolean | undefined): string =>
    met === undefined ? 'too few failing pairs' : met ? 'met' : '**missed**'
  return markdownTable(
    ['what', 'goal', 'found', ''],
    goals.map(({ what, goal, found, met }) => [what, goal, found, mark(met)]),
  )
}

/** U(0.2) of every score on every benchmark, and their mean. */
export function summaryTable(results: readonly BenchmarkResult[]): string {
  const counted = results.filter(({ benchmark }) => benchmark.overall)
  const names = [...new Set(results.flatMap(({ columns }) => columns.map(({ name }) => name)))]
  const everywhere = names.filter((name) =>
    results.every(({ columns }) => columns.some((column) => column.name === name)),
  )
  const rows = everywhere.map((name) => [
    name,
    ...results.map((result) => three((meanRow(result, name).utility[MAIN] as Estimate).value)),
    interval(overall(counted, name)),
    name === FAST ? '' : interval(overall(counted, name, FAST)),
  ])
  return markdownTable(['score', ...results.map(({ benchmark }) => benchmark.name), 'overall', `minus ${FAST}`], rows)
}

export function benchmarkSection(result: BenchmarkResult): string {
  const { benchmark, photos, answers, genuinePairs, lookedTwice, comparison } = result
  const few = comparison.judges.filter(({ rankable }) => !rankable).map(({ judge }) => judge)
  const missing = answers.filter((answer) => !answer).length
  return [
    `### ${benchmark.name}\n`,
    `${photos.length} photos (${missing} without a face: they go first, their pairs fail), ${genuinePairs} genuine pairs. The cascade looks twice at ${percent(lookedTwice)} of the photos.\n`,
    markdownTable(
      ['judge', 'impostor pairs', 'FMR', 'threshold', 'FNMR', 'failing pairs'],
      comparison.judges.map(({ judge, impostors, fmr, threshold, fnmr, failing }) => [
        judge,
        String(impostors),
        String(fmr),
        threshold.toFixed(4),
        fnmr.toFixed(4),
        String(failing),
      ]),
    ),
    few.length > 0 ? `Fewer than ${FAILING_TO_RANK} pairs fail on ${few.join(', ')}: no ranking there.\n` : '',
    'Mean of the judges:\n',
    markdownTable(
      ['score', ...LIMITS.flatMap((r) => [`pAUC(${r})`, `U(${r})`]), `U(${LIMITS[MAIN]}) minus ${FAST}`],
      comparison.results
        .filter(({ judge }) => judge === undefined)
        .map(({ score, pauc, utility, difference }) => [
          score,
          ...LIMITS.flatMap((_, l) => [interval(pauc[l] as Estimate), interval(utility[l] as Estimate)]),
          difference ? interval(difference[MAIN] as Estimate) : '',
        ]),
    ),
    `U(${LIMITS[MAIN]}) per judge:\n`,
    markdownTable(
      ['score', ...comparison.judges.map(({ judge }) => judge)],
      result.columns.map(({ name }) => [
        name,
        ...comparison.judges.map(({ judge }) => {
          const row = comparison.results.find((one) => one.score === name && one.judge === judge)
          return three(row?.utility[MAIN]?.value ?? Number.NaN)
        }),
      ]),
    ),
    ...comparison.judges.slice(0, 1).map(({ judge }) => {
      const name = curveName(result, judge)
      return `![Error versus discard, ${benchmark.name}, judge ${judge}](${name}.svg)\n`
    }),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

const curveName = ({ benchmark }: BenchmarkResult, judge: string): string => `edc-${benchmark.name}-${judge}`

const CURVE_END = 0.5

/** Curves of the own scores, the best norm, random and the oracle, one plot per judge. */
export function curvePlots(result: BenchmarkResult): { name: string; plot: Plot }[] {
  const { benchmark, comparison, columns } = result
  const norms = columns.filter(({ name }) => name.startsWith('norm of'))
  const worth = (name: string): number => (meanRow(result, name).utility[MAIN] as Estimate).value
  const best = norms.length > 0 ? [norms.map(({ name }) => name).reduce((a, b) => (worth(b) > worth(a) ? b : a))] : []
  const shown = [FAST, FULL, CASCADE, ...best, 'random'].filter((name) =>
    columns.some((column) => column.name === name),
  )
  return comparison.judges.map(({ judge, oracle }) => {
    const line = (name: string, curve: { discarded: Float64Array; fnmr: Float64Array }, dashed = false): PlotLine => ({
      name,
      dashed,
      steps: true,
      points: [...curve.discarded].flatMap((d, k) => (d <= CURVE_END ? [[d, curve.fnmr[k] as number] as const] : [])),
    })
    const lines = shown.flatMap((name) => {
      const curve = comparison.results.find((one) => one.score === name && one.judge === judge)?.curve
      return curve ? [line(name, curve)] : []
    })
    return {
      name: curveName(result, judge),
      plot: {
        title: `${benchmark.name}, ${judge}`,
        x: { title: 'share of genuine pairs discarded', min: 0, max: CURVE_END },
        y: { title: 'FNMR of the kept', min: 0 },
        lines: [...lines, line('oracle', oracle, true)],
      },
    }
  })
}
