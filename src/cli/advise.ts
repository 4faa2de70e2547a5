import { type Advice, adviceFrom } from './advice.ts'
import { type AdviseOptions, adviseHelp, parseAdviseOptions } from './advise-options.ts'
import { EXIT } from './exit-codes.ts'
import { adviceText } from './format-advice.ts'
import { Output } from './output.ts'
import { instantQuery } from './prometheus-client.ts'

/**
 * `express-diffiqa advise`.
 * @returns the exit code
 * @throws UsageError, errors of asking Prometheus
 */
export async function advise(args: readonly string[]): Promise<number> {
  const options = parseAdviseOptions(args)
  const output = new Output(process.stdout)
  if (!options) {
    await output.write(adviseHelp())
    return EXIT.ok
  }
  const advice = await ask(options)
  await output.write(options.json ? `${JSON.stringify(advice)}\n` : adviceText(advice, options))
  await output.flush()
  return EXIT.ok
}

/** @throws Error with a `code`. */
async function ask(options: AdviseOptions): Promise<Advice> {
  const { prometheus, prefix, job, purpose, matcher, last } = options
  const common = `job="${job}"${matcher === undefined ? '' : `,matcher="${matcher}"`}`
  const photos = `${common},purpose="${purpose}"`
  const counted = (by: string, series: string, labels: string): string =>
    `sum by (${by}) (increase(${prefix}${series}{${labels}}[${last}]))`
  const query = (expression: string) => instantQuery(prometheus, expression)
  const scores = await query(counted('le', 'score_bucket', photos))
  const [rejections, rejects, thresholds, matches] = await Promise.all([
    query(counted('purpose', 'rejections_total', photos)),
    query(counted('purpose', 'verdicts_total', `${photos},decision="reject"`)),
    query(`max by (bound) (${prefix}threshold{job="${job}",purpose="${purpose}"})`),
    query(counted('le, kind', 'match_score_bucket', common)),
  ])
  const advice = adviceFrom({ scores, rejections, rejects, thresholds, matches })
  if (advice.judged > 0) return advice
  const error = new Error(
    `No ${purpose} photo was judged in the last ${last}: there is nothing in ${prefix}score of the job ${job} (see --prefix, --job, --last)`,
  )
  throw Object.assign(error, { code: 'no-scores' })
}
