import { markdownTable } from '../../src/cli/markdown-table.ts'
import { type Estimate, estimate } from '../../src/evaluation/bootstrap.ts'
import { DEGRADATIONS, type Degradation, type Level } from '../../src/evaluation/degrade.ts'
import { allPairs } from '../../src/evaluation/pairs.ts'
import type { Plot } from '../../src/evaluation/plot.ts'
import { quantile } from '../../src/evaluation/quantile.ts'
import { seededRandom } from '../../src/evaluation/seeded-random.ts'
import { thresholdAtFmr } from '../../src/evaluation/similarity.ts'
import type { ScoringManifest } from '../../src/inference/manifest.ts'
import { fastScore, fullValue } from './columns.ts'
import { interval, three } from './format.ts'
import type { Answer, Edit, Job } from './job.ts'
import { goodNorm, passRates } from './outcomes.ts'
import { listPhotos, type Photo } from './photos.ts'
import type { LookPool } from './pool.ts'
import { type BenchmarkSettings, jobOf } from './run-benchmarks.ts'

/** One photo each of so many people. */
const SWEPT = 100
const STEADY = 200
const ATTACKED = 200
const LEVELS = [1, 2, 3, 4, 5] as const
const HARMLESS: readonly Edit[] = ['jpeg-95', 'shift-left', 'shift-up', 'scale-98', 'scale-102', 'mirror']
const ATTACKS: readonly Edit[] = ['sharpen', 'sharpen-twice', 'noise-5', 'noise-15', 'contrast-1.3', 'contrast-1.6']

export interface Section {
  readonly markdown: string
  readonly plots: readonly { readonly name: string; readonly plot: Plot }[]
}

/** What the server would decide on: no face is as bad as it gets. */
type ValueOf = (answer: Answer, scoring: ScoringManifest) => number
const fast: ValueOf = (answer, scoring) => (answer ? fastScore(answer, scoring).value : 0)
const full: ValueOf = (answer, scoring) => (answer ? (fullValue(answer, scoring) ?? Number.NaN) : 0)
const SCORES: readonly (readonly [string, ValueOf])[] = [
  ['DifFIQA(R)', fast],
  ['full DifFIQA', full],
]

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Mean with its interval over drawn photos. */
export function meanEstimate(values: readonly number[], rounds: number, seed: string): Estimate {
  const random = seededRandom(`${seed} photos`)
  const drawn = Array.from({ length: rounds }, () => {
    let sum = 0
    for (let k = 0; k < values.length; k++) sum += random.pick(values)
    return sum / values.length
  })
  return estimate(mean(values), drawn)
}

/** One photo of each person, the same at every run. */
function onePerPerson(photos: readonly Photo[], count: number): Photo[] {
  const first = new Map<string, Photo>()
  for (const photo of photos) if (!first.has(photo.person)) first.set(photo.person, photo)
  const all = [...first.values()]
  const stride = Math.max(1, all.length / count)
  return Array.from({ length: Math.min(count, all.length) }, (_, k) => all[Math.floor(k * stride)] as Photo)
}

/** How the scores bear degradations, harmless changes and attempts to please them. */
export async function runRobustness(pool: LookPool, settings: BenchmarkSettings): Promise<Section> {
  const photos = await listPhotos(settings.data, 'lfw-test', settings.people)
  const natural = await pool.look(
    'lfw-test natural',
    photos.map((photo) => jobOf(photo, 'natural')),
  )
  const sweep = await runSweep(pool, settings, photos, natural)
  return {
    markdown: [
      '## Robustness\n',
      sweep.markdown,
      await steadiness(pool, settings, photos),
      await attacks(pool, settings, photos),
    ].join('\n'),
    plots: sweep.plots,
  }
}

async function runSweep(
  pool: LookPool,
  { scoring, judges, rounds, seed }: BenchmarkSettings,
  photos: readonly Photo[],
  natural: readonly Answer[],
): Promise<Section> {
  const swept = onePerPerson(photos, SWEPT)
  const job = (photo: Photo, damage: Job['damage']): Job => ({ ...jobOf(photo, 'natural'), damage })
  const { impostors } = allPairs(photos.map(({ person }) => person))
  const thresholds = judges.map(({ fmr }, j) => {
    const embeddings = natural.map((answer) => answer?.embeddings?.[j])
    return thresholdAtFmr(embeddings, impostors, fmr).threshold
  })
  const good = goodNorm(natural)
  const clean = await pool.look(
    'sweep level 0',
    swept.map((photo) => job(photo, undefined)),
  )
  const rows: string[][] = []
  const plots: { name: string; plot: Plot }[] = []
  const broken: string[] = []
  for (const kind of DEGRADATIONS) {
    const jobs = LEVELS.flatMap((level) => swept.map((photo) => job(photo, { kind, level: level as Level })))
    const worse = await pool.look(`sweep ${kind}`, jobs)
    const levels = [clean, ...LEVELS.map((_, l) => worse.slice(l * swept.length, (l + 1) * swept.length))]
    const passing = levels.map((answers) => {
      const probes = swept.map((photo, k) => ({ photo, answer: answers[k] }))
      const rates = passRates(probes, { photos, answers: natural }, good, thresholds)
      // Whose person has no other good photo does not count; who lost the face fails.
      return mean(rates.flatMap((rate, k) => (answers[k] ? (rate ? [mean(rate)] : []) : [0])))
    })
    const curves = SCORES.map(([name, value]) => {
      const estimates = levels.map((answers) =>
        meanEstimate(
          answers.map((answer) => value(answer, scoring)),
          rounds,
          seed,
        ),
      )
      for (let level = 1; level < levels.length; level++) {
        const [before, after] = [levels[level - 1] as Answer[], levels[level] as Answer[]]
        const rise = meanEstimate(
          after.map((answer, k) => value(answer, scoring) - value(before[k], scoring)),
          rounds,
          seed,
        )
        if (rise.value > 0)
          broken.push(`${name} rises by ${interval(rise)} from level ${level - 1} to ${level} of ${kind}`)
      }
      return { name, estimates }
    })
    levels.forEach((answers, level) => {
      rows.push([
        kind,
        String(level),
        ...curves.map(({ estimates }) => interval(estimates[level] as Estimate)),
        three(passing[level] as number),
        ...curves.map(({ estimates }) => three((estimates[level] as Estimate).value - (passing[level] as number))),
        String(answers.filter((answer) => !answer).length),
      ])
    })
    plots.push({ name: `sweep-${kind}`, plot: sweepPlot(kind, curves, passing) })
  }
  const verdict =
    broken.length === 0
      ? 'Every mean falls from level to level.'
      : `Not monotone (mean rise with interval over photos; one that holds 0 may be chance): ${broken.join('; ')}.`
  const markdown = [
    `### Degradation sweeps\n`,
    `${swept.length} people of lfw-test, one photo each, degraded before detection; mean value with 95 % interval over photos, without a face 0. ` +
      `"Passing" is the share of comparisons with the person's other good photos that pass, mean of the judges: what the value claims to be. ` +
      `The last difference tells who is fooled: above 0, the score is too high.\n`,
    `${verdict}\n`,
    ...plots.map(({ name, plot }) => `![${plot.title}](${name}.svg)`),
    '',
    markdownTable(
      [
        'degradation',
        'level',
        ...SCORES.map(([name]) => name),
        'passing',
        ...SCORES.map(([name]) => `${name} minus passing`),
        'no face',
      ],
      rows,
    ),
  ].join('\n')
  return { markdown, plots }
}

function sweepPlot(
  kind: Degradation,
  curves: readonly { readonly name: string; readonly estimates: readonly Estimate[] }[],
  passing: readonly number[],
): Plot {
  return {
    title: kind,
    x: { title: 'level', min: 0, max: 5 },
    y: { title: 'mean value', min: 0, max: 1 },
    width: 560,
    height: 380,
    lines: [
      ...curves.map(({ name, estimates }) => ({
        name,
        points: estimates.map(({ value }, level) => [level, value] as const),
        band: estimates.map(({ low, high }, level) => [level, low, high] as const),
      })),
      { name: 'comparisons that pass', dashed: true, points: passing.map((rate, level) => [level, rate] as const) },
    ],
  }
}

async function steadiness(pool: LookPool, { scoring }: BenchmarkSettings, photos: readonly Photo[]): Promise<string> {
  const chosen = onePerPerson(photos, STEADY)
  const plain = (photo: Photo): Job => ({
    ...jobOf(photo, 'natural'),
    with: { full: true, judges: false, baselines: false },
  })
  const before = await pool.look('steady', chosen.map(plain))
  const rows: string[][] = []
  for (const edit of HARMLESS) {
    const after = await pool.look(
      `steady ${edit}`,
      chosen.map((photo) => ({ ...plain(photo), edit })),
    )
    const cells = SCORES.flatMap(([, value]) => {
      const change = before
        .map((answer, k) => Math.abs(value(after[k], scoring) - value(answer, scoring)))
        .sort((a, b) => a - b)
      return [three(mean(change)), three(quantile(change, 0.95)), three(quantile(change, 1))]
    })
    rows.push([edit, ...cells])
  }
  return [
    '### Changes that should not matter\n',
    `${chosen.length} untouched photos of lfw-test, one a person; absolute change of the value.\n`,
    markdownTable(['change', ...SCORES.flatMap(([name]) => [`${name}: mean`, 'p95', 'most'])], rows),
  ].join('\n')
}

async function attacks(
  pool: LookPool,
  { scoring, rounds, seed }: BenchmarkSettings,
  photos: readonly Photo[],
): Promise<string> {
  const reject = scoring.thresholds.balanced.probe.rejectBelow
  const candidates = onePerPerson(photos, ATTACKED * 2)
  const plain = (photo: Photo): Job => ({
    ...jobOf(photo, 'hard'),
    with: { full: true, judges: false, baselines: false },
  })
  const all = await pool.look('attacked', candidates.map(plain))
  const refused = candidates.flatMap((photo, k) =>
    all[k] && fast(all[k], scoring) < reject ? [{ photo, before: all[k] }] : [],
  )
  const bad = refused.slice(0, ATTACKED)
  const title = '### What an attacker gains\n'
  if (bad.length === 0) return `${title}\nNo degraded photo with a face is refused.\n`
  const rows: string[][] = []
  for (const edit of ATTACKS) {
    const after = await pool.look(
      `attack ${edit}`,
      bad.map(({ photo }) => ({ ...plain(photo), edit })),
    )
    const gains = (value: ValueOf) =>
      meanEstimate(
        bad.map(({ before }, k) => value(after[k], scoring) - value(before, scoring)),
        rounds,
        seed,
      )
    const through = after.filter((answer) => fast(answer, scoring) >= reject).length / bad.length
    rows.push([edit, ...SCORES.map(([, value]) => interval(gains(value))), `${(100 * through).toFixed(1)} %`])
  }
  return [
    title,
    `${bad.length} degraded photos of lfw-test (hard) that DifFIQA(R) refuses at the balanced probe threshold (${reject}), one a person, ` +
      'edited after the degradation; mean gain in value, and the share that is refused no longer.\n',
    markdownTable(['edit', ...SCORES.map(([name]) => `gain of ${name}`), 'gets past'], rows),
  ].join('\n')
}
