import { type Board, dashboard } from './board.ts'
import { bars, heatmap, lines, number, table } from './panels.ts'
import { PROBES, SCRAPED, STEPS, STEPS_AND_REST } from './variables.ts'

const R = '[$__rate_interval]'
const S = `{${SCRAPED}}`
const JUDGED = `{${SCRAPED},decision=~"accept|down_weight|reject"}`
const VERDICTS = `{${PROBES},mode=~"$mode"}`
const CLIENT_CODES = 'missing-field|several-files|invalid-base64|malformed-request|slow-upload'

const sum = (expr: string, by?: string): string => `sum${by ? ` by (${by}) ` : ''}(${expr})`
const rate = (series: string): string => `rate(${series}${R})`
const quantile = (q: number, histogram: string, by?: string): string =>
  `histogram_quantile(${q}, ${sum(rate(histogram), by ? `le, ${by}` : 'le')})`
const quantiles = (histogram: string) =>
  [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, histogram), legend: `p${q * 100}` }))

/** Photos that were not let on, and all photos. */
const rejected = (by?: string): string => sum(rate(`diffiqa_rejections_total{${PROBES}}`), by)
const photos = (by?: string): string =>
  `(${rejected(by)} + ${sum(rate(`diffiqa_verdicts_total{${PROBES},decision!="reject"}`), by)})`
const requests = sum(rate(`diffiqa_request_duration_seconds_count{${SCRAPED},decision!="aborted"}`))
const failures = `(${sum(rate(`diffiqa_errors_total{${SCRAPED},code!~"${CLIENT_CODES}"}`))} + ${sum(rate(`diffiqa_shed_total${S}`))})`
const within = (bound: string): string =>
  `${sum(rate(`diffiqa_request_duration_seconds_bucket{${SCRAPED},decision=~"accept|down_weight|reject",le=~"${bound}"}`))} / ${sum(rate(`diffiqa_request_duration_seconds_count${JUDGED}`))}`

/** Distance of the scores' cumulative distribution from that of the calibration set. */
const DRIFT = `max(abs(sum by (le) (rate(diffiqa_score_bucket{${PROBES},${STEPS}}[6h])) / scalar(sum(rate(diffiqa_score_count{${PROBES}}[6h]))) - on (le) max by (le) (label_replace(diffiqa_score_reference_ratio{${SCRAPED},method="diffiqa_r"}, "le", "$1", "up_to", "(.+)"))))`

const BOARD: Board = {
  uid: 'express-diffiqa',
  title: 'Face quality gate',
  description: 'What the gate of express-diffiqa decides, why, how fast, and what it costs.',
  from: 'now-6h',
  rows: {
    'Health against the objectives': [
      number({
        title: 'Requests',
        description:
          'Requests per second, those that clients broke off left out. Down to zero: look at the service in front.',
        unit: 'reqps',
        width: 4,
        queries: [{ expr: requests }],
      }),
      number({
        title: 'Photos rejected',
        description:
          'Share of photos that were rejected or refused; in shadow mode, that would have been. Far from usual: see the row "Why".',
        unit: 'percentunit',
        decimals: 1,
        width: 4,
        base: 'blue',
        queries: [{ expr: `${rejected()} / ${photos()}` }],
      }),
      number({
        title: 'Failures',
        description:
          'Share of requests answered with 5xx; the objective is under 0.1 %. Above: see "Errors by code" and the row "Saturation".',
        unit: 'percentunit',
        decimals: 2,
        width: 4,
        steps: [
          [0.001, 'orange'],
          [0.0144, 'red'],
        ],
        queries: [{ expr: `${failures} / ${requests}` }],
      }),
      number({
        title: 'Within 250 ms',
        description:
          'Share of photos decided within 250 ms; the objective is 80 %. Below: see "Latency"; more escalations or too few workers are the usual causes.',
        unit: 'percentunit',
        decimals: 1,
        width: 4,
        base: 'red',
        steps: [
          [0.6, 'orange'],
          [0.8, 'green'],
        ],
        queries: [{ expr: within('0.25') }],
      }),
      number({
        title: 'Within 2 s',
        description:
          'Share of photos decided within two seconds; the objective is 99 %. Below: photos wait, or the machine does other work.',
        unit: 'percentunit',
        decimals: 1,
        width: 4,
        base: 'red',
        steps: [
          [0.95, 'orange'],
          [0.99, 'green'],
        ],
        queries: [{ expr: within('2(\\\\.0)?') }],
      }),
      number({
        title: 'Last verdict',
        description: 'Time since the last verdict. Long: nothing comes, or every photo is turned away.',
        unit: 's',
        decimals: 0,
        width: 4,
        steps: [
          [900, 'orange'],
          [3600, 'red'],
        ],
        queries: [{ expr: `time() - max(diffiqa_last_verdict_timestamp_seconds${S})` }],
      }),
      lines({
        title: 'Requests by what became of them',
        description:
          'Every request is exactly one of these. "shed" and "degraded" should be nothing: add workers, or find out what crashes.',
        unit: 'reqps',
        width: 24,
        stacked: true,
        queries: [
          { expr: sum(rate(`diffiqa_request_duration_seconds_count${S}`), 'decision'), legend: '{{decision}}' },
        ],
      }),
    ],
    'Verdicts and rejections': [
      lines({
        title: 'Verdicts',
        description:
          'Judged faces by decision, in the chosen modes. A step without a release or a new threshold: photos have changed, see "Scores".',
        unit: 'reqps',
        width: 12,
        stacked: true,
        queries: [{ expr: sum(rate(`diffiqa_verdicts_total${VERDICTS}`), 'decision'), legend: '{{decision}}' }],
      }),
      lines({
        title: 'Rejection ratio',
        description:
          'Rejected and refused photos by purpose. Enrolment is stricter on purpose. Rising: look for the reason that grew; ask who changed cameras.',
        unit: 'percentunit',
        max: 1,
        width: 12,
        queries: [{ expr: `${rejected('purpose')} / ${photos('purpose')}`, legend: '{{purpose}}' }],
      }),
    ],
    Why: [
      lines({
        title: 'Reasons over time',
        description:
          'First reason of each rejected or refused photo. One that jumps points to its cause: "dark" to lamps, "unsupported" to a new app, "blur" to a lens.',
        unit: 'reqps',
        width: 12,
        stacked: true,
        queries: [{ expr: `${sum(rate(`diffiqa_rejections_total{${PROBES}}`), 'reason')} > 0`, legend: '{{reason}}' }],
      }),
      bars({
        title: 'Reasons',
        description: 'Photos by reason in the time shown. Send the advice of the commonest one to your users.',
        unit: 'short',
        width: 6,
        base: 'blue',
        queries: [
          {
            expr: `sort_desc(${sum(`increase(diffiqa_rejections_total{${PROBES}}[$__range])`, 'reason')} > 0)`,
            legend: '{{reason}}',
          },
        ],
      }),
      lines({
        title: 'Errors by code',
        description:
          'Requests that ended with an error. docs/errors.md has a section on each code; those of status 400 and 408 are mistakes of clients.',
        unit: 'reqps',
        width: 6,
        queries: [{ expr: sum(rate(`diffiqa_errors_total${S}`), 'code'), legend: '{{code}}' }],
      }),
    ],
    Scores: [
      heatmap({
        title: 'Scores',
        description:
          'Calibrated quality of judged faces. A band that moves down while people stay the same: dirty lens, new compression, other light.',
        unit: 'short',
        width: 12,
        queries: [
          { expr: sum(`increase(diffiqa_score_bucket{${PROBES},${STEPS_AND_REST}}${R})`, 'le'), legend: '{{le}}' },
        ],
      }),
      lines({
        title: 'Quantiles of the score, and the thresholds',
        description:
          'Where scores lie with respect to the thresholds in force. When the lowest tenth crosses "reject_below", a tenth of the photos is rejected.',
        unit: 'short',
        max: 1,
        width: 8,
        queries: [
          ...[0.1, 0.5, 0.9].map((q) => ({
            expr: quantile(q, `diffiqa_score_bucket{${PROBES},${STEPS_AND_REST}}`),
            legend: `p${q * 100}`,
          })),
          {
            expr: `max by (purpose, bound) (diffiqa_threshold{${SCRAPED},purpose=~"$purpose"})`,
            legend: '{{purpose}} {{bound}}',
          },
        ],
      }),
      number({
        title: 'Drift',
        description:
          'Largest distance between the distribution of the last six hours and that of the calibration set. Above 0.3 for long: choose thresholds on photos of your own (docs/operators.md).',
        unit: 'short',
        decimals: 2,
        width: 4,
        height: 8,
        steps: [
          [0.15, 'orange'],
          [0.3, 'red'],
        ],
        queries: [{ expr: DRIFT }],
      }),
    ],
    'The second look': [
      lines({
        title: 'Escalations',
        description:
          'Uncertain faces, and what full DifFIQA made of them. Many "skipped_budget": raise escalationBudget or accept it; "skipped_deadline": more workers.',
        unit: 'reqps',
        width: 12,
        stacked: true,
        queries: [{ expr: sum(rate(`diffiqa_escalations_total${S}`), 'outcome'), legend: '{{outcome}}' }],
      }),
      lines({
        title: 'How often, and how often it changes the decision',
        description:
          'Share of faces that want a second look, and of looks that overturn the first. Hardly ever overturned: the budget buys little.',
        unit: 'percentunit',
        max: 1,
        width: 12,
        queries: [
          {
            expr: `${sum(rate(`diffiqa_escalations_total${S}`))} / ${sum(rate(`diffiqa_verdicts_total${S}`))}`,
            legend: 'uncertain',
          },
          {
            expr: `${sum(rate(`diffiqa_escalations_total{${SCRAPED},outcome="overturned"}`))} / ${sum(rate(`diffiqa_escalations_total{${SCRAPED},outcome=~"confirmed|overturned"}`))}`,
            legend: 'overturned',
          },
        ],
      }),
    ],
    Latency: [
      lines({
        title: 'From the photo to the decision',
        description:
          'Quantiles of judged photos; points are traces, where OpenTelemetry is used. Compare with the stages beside: waiting or working?',
        unit: 's',
        width: 8,
        queries: quantiles(`diffiqa_request_duration_seconds_bucket${JUDGED}`).map((query) => ({
          ...query,
          exemplars: true,
        })),
      }),
      lines({
        title: 'Service time by stage',
        description:
          'Mean time of each stage, without waiting. "decode" grows with the photos: limit maxPixels; "diffiqa" is the second look.',
        unit: 's',
        width: 8,
        queries: [
          {
            expr: `${sum(rate(`diffiqa_stage_duration_seconds_sum${S}`), 'stage')} / ${sum(rate(`diffiqa_stage_duration_seconds_count${S}`), 'stage')}`,
            legend: '{{stage}}',
          },
        ],
      }),
      lines({
        title: 'Waiting for a worker',
        description: '95th percentile. Growing while the stages do not: too few workers for the load.',
        unit: 's',
        width: 8,
        queries: [
          {
            expr: quantile(0.95, `diffiqa_queue_wait_seconds_bucket${S}`, 'stage'),
            legend: '{{stage}}',
          },
        ],
      }),
    ],
    Saturation: [
      lines({
        title: 'Queue',
        description: 'Photos that wait, and the places there are. Near its capacity, photos are turned away with 503.',
        unit: 'short',
        width: 6,
        queries: [
          { expr: sum(`diffiqa_queue_depth${S}`, 'stage'), legend: 'waiting, {{stage}}' },
          { expr: sum(`diffiqa_queue_capacity${S}`, 'stage'), legend: 'places, {{stage}}' },
        ],
      }),
      lines({
        title: 'Workers',
        description:
          'Worker threads by what they do. All busy for long: add workers or machines. Always "starting": see the restarts.',
        unit: 'short',
        width: 6,
        stacked: true,
        queries: [{ expr: sum(`diffiqa_workers${S}`, 'state'), legend: '{{state}}' }],
      }),
      lines({
        title: 'Turned away, passed on, restarted',
        description:
          'Photos turned away by reason, photos passed on without a score, workers replaced. All should be zero but for shutdowns.',
        unit: 'reqps',
        width: 6,
        queries: [
          { expr: sum(rate(`diffiqa_shed_total${S}`), 'reason'), legend: 'turned away: {{reason}}' },
          { expr: sum(rate(`diffiqa_degraded_total${S}`)), legend: 'passed on unjudged' },
          { expr: sum(rate(`diffiqa_worker_restarts_total${S}`), 'reason'), legend: 'worker restart: {{reason}}' },
        ],
      }),
      lines({
        title: 'Score cache',
        description: 'Share of photos whose score was known, and scores kept. No hits at all: leave the cache off.',
        unit: 'percentunit',
        max: 1,
        width: 6,
        queries: [
          {
            expr: `${sum(rate(`diffiqa_cache_requests_total{${SCRAPED},result="hit"}`))} / (${sum(rate(`diffiqa_cache_requests_total${S}`))} > 0) or vector(0)`,
            legend: 'hits',
          },
        ],
      }),
    ],
    'The matcher': [
      lines({
        title: 'Calls',
        description:
          'Calls of the wrapped matcher; "withheld" are photos that it never got, which is what the gate is for. "error": ask the matcher’s own logs.',
        unit: 'reqps',
        width: 8,
        stacked: true,
        queries: [
          {
            expr: sum(rate(`diffiqa_matcher_calls_total{${SCRAPED},matcher=~"$matcher"}`), 'outcome'),
            legend: '{{outcome}}',
          },
        ],
      }),
      lines({
        title: 'Score of the best candidate',
        description:
          'Median before and after down-weighting. The gap is what poor photos cost; raw scores that fall with steady quality point to the matcher.',
        unit: 'short',
        max: 1,
        width: 8,
        queries: [
          {
            expr: quantile(0.5, `diffiqa_match_score_bucket{${SCRAPED},matcher=~"$matcher"}`, 'kind'),
            legend: '{{kind}}',
          },
        ],
      }),
      lines({
        title: 'Duration',
        description: '95th percentile of the wrapped matcher alone, by operation.',
        unit: 's',
        width: 8,
        queries: [
          {
            expr: quantile(
              0.95,
              `diffiqa_matcher_duration_seconds_bucket{${SCRAPED},matcher=~"$matcher"}`,
              'operation',
            ),
            legend: '{{operation}}',
          },
        ],
      }),
    ],
    Process: [
      table({
        title: 'What runs',
        description: 'Versions by instance. Different models at the same time give the same photo different scores.',
        unit: 'short',
        width: 12,
        hidden: ['job'],
        queries: [{ expr: `diffiqa_build_info${S}` }],
      }),
      number({
        title: 'Models ready',
        description:
          'Instances whose models are all loaded and that take photos. Fewer than run: see their logs, and express-diffiqa doctor.',
        unit: 'short',
        width: 4,
        height: 6,
        base: 'red',
        steps: [[1, 'green']],
        queries: [{ expr: `sum(min by (job, instance) (diffiqa_model_ready${S}))` }],
      }),
      bars({
        title: 'Loading',
        description:
          'How long each model took to load and warm up, at worst. It is how long a restarted worker is missing.',
        unit: 's',
        width: 4,
        height: 6,
        base: 'blue',
        queries: [{ expr: `max by (model) (diffiqa_model_load_seconds${S})`, legend: '{{model}}' }],
      }),
      lines({
        title: 'Faces in a photo',
        description:
          'Mean number of faces. Above 1.5 with faces: "one", many photos are refused: use "largest", or crop in the app.',
        unit: 'short',
        width: 4,
        height: 6,
        queries: [
          {
            expr: `${sum(rate(`diffiqa_faces_per_photo_sum{${SCRAPED},purpose=~"$purpose"}`))} / ${sum(rate(`diffiqa_faces_per_photo_count{${SCRAPED},purpose=~"$purpose"}`))}`,
            legend: 'faces',
          },
        ],
      }),
    ],
  },
}

export const overview = () => dashboard(BOARD)
