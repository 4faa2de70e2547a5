import { basename } from 'node:path'
import { markdownTable } from '../../src/cli/markdown-table.ts'
import { quantile } from '../../src/evaluation/quantile.ts'
import { fastScore } from './columns.ts'
import { interval, three } from './format.ts'
import type { Answer, Job } from './job.ts'
import { listPhotos, type Photo } from './photos.ts'
import type { LookPool } from './pool.ts'
import { meanEstimate, type Section } from './robustness.ts'
import type { BenchmarkSettings } from './run-benchmarks.ts'

const AGES = [0, 3, 10, 20, 30, 45, 60, 75, 117]
const GENDERS = ['male', 'female']
const ETHNICITIES = ['White', 'Black', 'Asian', 'Indian', 'other']

interface Labels {
  readonly 'age band': string
  readonly gender: string
  readonly ethnicity: string
}

/** From UTKFace's file names: age_gender_ethnicity_date; undefined where one is missing. */
export function utkLabels(file: string): Labels | undefined {
  const [age, gender, ethnicity] = basename(file).split('_').map(Number) as [number, number, number]
  const band = AGES.findIndex((from, k) => age >= from && age < (AGES[k + 1] ?? 0))
  if (band < 0 || !GENDERS[gender] || !ETHNICITIES[ethnicity]) return undefined
  return {
    'age band': `${AGES[band]} to ${(AGES[band + 1] as number) - 1}`,
    gender: GENDERS[gender],
    ethnicity: ETHNICITIES[ethnicity],
  }
}

/** Scores and refusals at the default thresholds, over age band, gender and ethnicity. */
export async function runGroups(pool: LookPool, settings: BenchmarkSettings): Promise<Section> {
  const photos = (await listPhotos(settings.data, 'utkface', settings.people)).filter(({ file }) => utkLabels(file))
  const jobs = photos.map(
    ({ path, name }): Job => ({ path, name, with: { full: false, judges: false, baselines: false } }),
  )
  const answers = await pool.look('utkface', jobs)
  const { probe, enrolment } = settings.scoring.thresholds.balanced
  const tables = (['age band', 'gender', 'ethnicity'] as const).map((by) => {
    const order = by === 'age band' ? AGES.slice(0, -1).map(String) : by === 'gender' ? GENDERS : ETHNICITIES
    const groups = new Map<string, Answer[]>()
    photos.forEach((photo: Photo, k) => {
      const group = (utkLabels(photo.file) as Labels)[by]
      groups.set(group, [...(groups.get(group) ?? []), answers[k]])
    })
    const place = (group: string): number => order.indexOf(by === 'age band' ? (group.split(' ')[0] as string) : group)
    const names = [...groups.keys()].sort((a, b) => place(a) - place(b))
    return markdownTable(
      [
        by,
        'photos',
        'no face',
        'mean value',
        'p10',
        'median',
        'p90',
        'refused as probe',
        'not fully accepted',
        'refused at enrolment',
      ],
      names.map((name) => row(name, groups.get(name) as Answer[], settings, probe, enrolment.rejectBelow)),
    )
  })
  const markdown = [
    '## Groups\n',
    `${photos.length} photos of utkface at the balanced thresholds (probe: refuse below ${probe.rejectBelow}, accept from ${probe.acceptFrom}; ` +
      `enrolment: refuse below ${enrolment.rejectBelow}); 95 % intervals over photos. Without a face a photo is refused, and has no value. ` +
      'Training saw these photos, without identities; one photo a person, so no comparison tells whether a refusal was right.\n',
    ...tables,
  ].join('\n')
  return { markdown, plots: [] }
}

function row(
  name: string,
  answers: readonly Answer[],
  { scoring, rounds, seed }: BenchmarkSettings,
  probe: { readonly rejectBelow: number; readonly acceptFrom: number },
  enrolment: number,
): string[] {
  const values = answers.map((answer) => (answer ? fastScore(answer, scoring).value : Number.NEGATIVE_INFINITY))
  const found = values.filter(Number.isFinite).sort((a, b) => a - b)
  const share = (below: number): string =>
    interval(
      meanEstimate(
        values.map((value) => Number(value < below)),
        rounds,
        seed,
      ),
    )
  return [
    name,
    String(answers.length),
    String(answers.length - found.length),
    interval(meanEstimate(found, rounds, seed)),
    ...[0.1, 0.5, 0.9].map((q) => three(quantile(found, q))),
    share(probe.rejectBelow),
    share(probe.acceptFrom),
    share(enrolment),
  ]
}
