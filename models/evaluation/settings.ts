import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const PARTS = ['benchmarks', 'robustness', 'groups'] as const
export type Part = (typeof PARTS)[number]

export interface Settings {
  readonly data: string
  readonly out: string
  /** Documentation to carry a whole run into. */
  readonly docs: string | undefined
  readonly cache: string
  readonly judges: string
  readonly rivals: string
  readonly models: string
  readonly parts: ReadonlySet<Part>
  readonly threads: number
  readonly rounds: number
  readonly seed: string
  /** People per set; Infinity for all. */
  readonly people: number
  /** Noise draws of the paper's preset. */
  readonly paperDraws: number
}

const USAGE = `usage: npm run evaluate -- [DATA] [options]

DATA is the folder with lfw-test, fiw-test, cfp-test and utkface; default: the environment variable DIFFIQA_DATA.

  --out DIR       report and plots (default: .cache/evaluation/report)
  --docs DIR      also into results.md and results-test.md of that folder
  --cache DIR     what was computed, by content (default: .cache/evaluation/looks)
  --judges DIR    networks of "python -m diffiqa_training fetch" (default: .cache/judges)
  --rivals DIR    scores that the rivals' recipes wrote (default: models/evaluation/rivals)
  --models DIR    models of the package (default: models)
  --only LIST     of ${PARTS.join(', ')} (default: all)
  --jobs N        worker threads (default: the number of processor cores)
  --rounds N      of the bootstrap (default: 400)
  --seed TEXT     (default: 1)
  --paper-draws N noise draws of the paper's preset, which has ten: .16 s each for every face (default: 1)
  --people N      a try on the first N people of each set: wide intervals, not to be compared with whole sets
`

/** @returns undefined, after saying how to call it, when it was called wrongly */
export function readSettings(args: readonly string[]): Settings | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      out: { type: 'string', default: '.cache/evaluation/report' },
      docs: { type: 'string' },
      cache: { type: 'string', default: '.cache/evaluation/looks' },
      judges: { type: 'string', default: '.cache/judges' },
      rivals: { type: 'string', default: 'models/evaluation/rivals' },
      models: { type: 'string', default: 'models' },
      only: { type: 'string', default: PARTS.join(',') },
      jobs: { type: 'string', default: String(availableParallelism()) },
      rounds: { type: 'string', default: '400' },
      seed: { type: 'string', default: '1' },
      people: { type: 'string', default: 'Infinity' },
      'paper-draws': { type: 'string', default: '1' },
    },
  })
  const data = positionals[0] ?? process.env.DIFFIQA_DATA
  const parts = values.only.split(',') as Part[]
  const isWhole = parts.length === PARTS.length && values.people === 'Infinity'
  const numbers = [values.jobs, values.rounds, values.people, values['paper-draws']].map(Number) as [
    number,
    number,
    number,
    number,
  ]
  if (
    !data ||
    parts.some((part) => !PARTS.includes(part)) ||
    numbers.some((number) => !(number >= 1)) ||
    (values.docs && !isWhole)
  ) {
    process.stderr.write(USAGE)
    return undefined
  }
  const [threads, rounds, people, paperDraws] = numbers
  return {
    data: resolve(data),
    out: resolve(values.out),
    docs: values.docs && resolve(values.docs),
    cache: resolve(values.cache),
    judges: resolve(values.judges),
    rivals: resolve(values.rivals),
    models: resolve(values.models),
    parts: new Set(parts),
    threads,
    rounds,
    seed: values.seed,
    people,
    paperDraws,
  }
}
