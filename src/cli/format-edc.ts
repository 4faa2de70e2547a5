import type { Estimate } from '../evaluation/bootstrap.ts'
import { FAILING_TO_RANK } from '../evaluation/compare.ts'
import type { ProposalRow } from './edc-proposals.ts'
import type { EdcReport } from './edc-report.ts'
import { markdownTable as table } from './markdown-table.ts'
import { printable } from './printable.ts'

const number = (value: number | null, digits = 3): string =>
  value === null || !Number.isFinite(value) ? '-' : value.toFixed(digits)

const interval = ({ value, low, high }: Estimate): string => `${number(value)} (${number(low)} to ${number(high)})`

/** The report in Markdown. */
export function edcMarkdown(report: EdcReport): string {
  const { comparison, limits } = report
  const few = comparison.judges.filter(({ rankable }) => !rankable).map(({ judge }) => judge)
  return [
    '# Error versus discard\n',
    facts(report),
    judgeTable(report),
    few.length > 0
      ? `Fewer than ${FAILING_TO_RANK} pairs fail on ${few.map(printable).join(', ')}: too few to rank.\n`
      : '',
    '## Scores\n',
    'U: 0 = random, 1 = the failing pairs go first. pAUC: 1 = no use, lower is better. With 95 % intervals.\n',
    table(
      ['score', 'judge', ...limits.flatMap((r) => [`U(${r})`, `pAUC(${r})`])],
      comparison.results.map(({ score, judge = 'mean', utility, pauc }) => [
        score,
        judge,
        ...limits.flatMap((_, l) => [interval(utility[l] as Estimate), interval(pauc[l] as Estimate)]),
      ]),
    ),
    differences(report),
    proposalTable(report.proposals),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function facts(report: EdcReport): string {
  const { photos, people, withoutFace, genuinePairs, foundOnly, set, threshold, rounds, seed, modelVersion } = report
  const missing = foundOnly ? 'their pairs are left out' : 'they go first and their pairs fail'
  const degraded =
    set === 'natural'
      ? ''
      : ` Degraded: ${set === 'mixed' ? '35 % of the photos' : 'every photo, level 0 to 5'}; thresholds from them untouched.`
  const again = threshold === 'kept' ? ' Thresholds are set again on what is kept.' : ''
  return `${photos} photos of ${people} people, ${genuinePairs} genuine pairs; no face in ${withoutFace} photos: ${missing}.${degraded}${again} Model version ${modelVersion}; ${rounds} bootstrap rounds over people, seed ${printable(seed)}.\n`
}

function judgeTable({ comparison }: EdcReport): string {
  return table(
    ['judge', 'impostor pairs', 'FMR', 'threshold', 'FNMR', 'failing pairs'],
    comparison.judges.map((judge) => [
      judge.judge,
      String(judge.impostors),
      String(judge.fmr),
      number(judge.threshold, 4),
      number(judge.fnmr, 4),
      String(judge.failing),
    ]),
  )
}

function differences({ comparison: { results }, limits }: EdcReport): string {
  const rows = results.flatMap(({ score, judge, difference }) =>
    difference && judge === undefined ? [[score, ...difference.map(interval)]] : [],
  )
  if (rows.length === 0) return ''
  const title = `## U minus that of ${printable(results[0]?.score ?? '')}, mean of the judges\n`
  return `${title}\n${table(['score', ...limits.map((r) => `at ${r}`)], rows)}`
}

function proposalTable(rows: readonly ProposalRow[]): string {
  if (rows.length === 0) return ''
  return `## Thresholds\n\n${table(
    ['score', 'judge', 'wanted', 'refuse below', 'photos refused', 'FNMR of the kept'],
    rows.map(({ score, judge, wanted, threshold, refusedPhotos, fnmr }) => [
      score,
      judge,
      'discard' in wanted ? `refuse at most ${wanted.discard}` : `FNMR at most ${wanted.fnmr}`,
      number(threshold, 4),
      number(refusedPhotos),
      number(fnmr, 4),
    ]),
  )}`
}
