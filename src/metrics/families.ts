import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import {
  FACES_BOUNDS,
  MATCH_SCORE_BOUNDS,
  MATCHER_BOUNDS,
  REQUEST_BOUNDS,
  STAGE_BOUNDS,
  WAIT_BOUNDS,
} from './buckets.ts'
import { LABELS, REQUEST_FAILURES } from './labels.ts'

export interface FamilyOptions {
  readonly register: Registry
  readonly prefix: string
  readonly scoreBounds: number[]
  /** Verdicts and scores have the label `group` too. */
  readonly grouped: boolean
  /** Called when a scrape asks for a gauge that is read rather than told. */
  readonly collect: (families: Families) => void
}

export type Families = ReturnType<typeof createFamilies>

/** What prom-client's AggregatorRegistry makes of the values of several processes of a cluster; counters and histograms are added. */
type Together = 'sum' | 'first' | 'min' | 'max'

/**
 * Make every series, with the text that /metrics and docs/metrics.md show; each combination of labels that any request can cause and that
 * needs no matcher starts at 0 (see start-series.ts for the others).
 */
export function createFamilies(options: FamilyOptions) {
  const { register, prefix, scoreBounds, collect } = options
  const common = (name: string, help: string) => ({ name: `${prefix}${name}`, help, registers: [register] })
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter<L>({ ...common(name, help), labelNames })
  const gauge = <L extends string>(name: string, help: string, aggregator: Together, labelNames: readonly L[] = []) =>
    new Gauge<L>({ ...common(name, help), aggregator, labelNames })
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: readonly L[]) =>
    new Histogram<L>({ ...common(name, help), buckets, labelNames })
  /** The constructor refuses exemplars on a register of the classic format, which simply writes none; expose() writes them. */
  const withExemplars = <L extends string>(name: string, help: string, buckets: number[], labelNames: readonly L[]) => {
    const made = new Histogram<L>({
      ...common(name, help),
      registers: [],
      buckets,
      labelNames,
      enableExemplars: true,
    })
    register.registerMetric(made)
    return made
  }
  const group: readonly 'group'[] = options.grouped ? ['group'] : []

  const families = {
    verdicts: counter('verdicts_total', 'Judged faces; in shadow mode what would have happened', [
      'matcher',
      'purpose',
      'mode',
      'decision',
      ...group,
    ]),
    rejections: counter('rejections_total', 'Rejected faces and refused photos, by their first reason', [
      'matcher',
      'purpose',
      'reason',
    ]),
    escalations: counter('escalations_total', 'What the full score changed', ['outcome']),
    errors: counter(
      'errors_total',
      "Requests that ended with an error, by code; codes of status 400 and 408 are the client's",
      ['code'],
    ),
    shed: counter('shed_total', 'Requests turned away because of load (queue_full, deadline) or shutdown (draining)', [
      'reason',
    ]),
    degraded: counter('degraded_total', "Photos passed on without a score (onFailure: 'pass')", ['matcher']),
    score: histogram(
      'score',
      'Calibrated quality of judged faces, 0..1; bounds 0.05 apart and the thresholds at start',
      scoreBounds,
      ['matcher', 'purpose', 'method', ...group],
    ),
    reference: gauge(
      'score_reference_ratio',
      'Share of the calibration set at or below a score, to compare with',
      'first',
      ['method', 'up_to'],
    ),
    threshold: gauge('threshold', 'Thresholds in force', 'first', ['policy', 'purpose', 'bound']),
    requestDuration: withExemplars(
      'request_duration_seconds',
      'From the photo to the decision; its count is the number of requests, by what became of them',
      REQUEST_BOUNDS,
      ['decision'],
    ),
    stageDuration: histogram('stage_duration_seconds', 'Service time of a stage, without waiting', STAGE_BOUNDS, [
      'stage',
    ]),
    queueWait: histogram('queue_wait_seconds', 'Waiting for a worker', WAIT_BOUNDS, ['stage']),
    queueDepth: gauge('queue_depth', 'Tasks that wait for a worker', 'sum', ['stage']),
    queueCapacity: gauge('queue_capacity', 'Tasks that may wait for a worker', 'sum', ['stage']),
    workers: gauge('workers', 'Worker threads by state', 'sum', ['state']),
    workerRestarts: counter('worker_restarts_total', 'Workers that were replaced', ['reason']),
    matcherCalls: counter('matcher_calls_total', 'Calls of the wrapped matcher; withheld: the photo was kept away', [
      'matcher',
      'operation',
      'outcome',
    ]),
    matcherDuration: withExemplars('matcher_duration_seconds', 'The wrapped matcher alone', MATCHER_BOUNDS, [
      'matcher',
      'operation',
    ]),
    matchScore: histogram(
      'match_score',
      "Top candidate's score before (raw) and after down-weighting (adjusted), 0..1 on the matcher's scale",
      MATCH_SCORE_BOUNDS,
      ['matcher', 'kind'],
    ),
    faces: histogram('faces_per_photo', 'Faces found in a photo', FACES_BOUNDS, ['purpose']),
    cacheRequests: counter('cache_requests_total', 'Look-ups in the score cache', ['result']),
    sharedCache: counter(
      'shared_cache_requests_total',
      'Look-ups in the scores that processes share; skipped: its store has just failed',
      ['result'],
    ),
    cacheEntries: gauge('cache_entries', 'Scores in the cache', 'sum'),
    modelReady: gauge('model_ready', '1 while the model is loaded and photos are taken', 'min', ['model']),
    modelLoad: gauge('model_load_seconds', 'Duration of loading and warming up', 'max', ['model']),
    lastVerdict: gauge('last_verdict_timestamp_seconds', 'Time of the last verdict, 0 before the first', 'max'),
    buildInfo: gauge('build_info', 'Always 1; the labels tell what runs', 'first', [
      'version',
      'model',
      'model_sha256',
      'preset',
    ]),
  }

  for (const outcome of LABELS.escalation) families.escalations.inc({ outcome }, 0)
  for (const code of REQUEST_FAILURES) families.errors.inc({ code }, 0)
  for (const reason of LABELS.shed) families.shed.inc({ reason }, 0)
  // Histograms take a score of series for each combination: those that need an option (enrolment, onFailure 'pass') come with their first use.
  families.faces.zero({ purpose: 'probe' })
  for (const decision of LABELS.outcome) if (decision !== 'degraded') families.requestDuration.zero({ decision })
  for (const stage of LABELS.stage) families.stageDuration.zero({ stage })
  for (const stage of LABELS.queue) families.queueWait.zero({ stage })
  for (const reason of LABELS.restart) families.workerRestarts.inc({ reason }, 0)
  for (const result of LABELS.cache) families.cacheRequests.inc({ result }, 0)
  for (const result of LABELS.sharedCache) families.sharedCache.inc({ result }, 0)
  for (const model of LABELS.model) families.modelReady.set({ model }, 0)

  for (const read of [
    families.queueDepth,
    families.queueCapacity,
    families.workers,
    families.cacheEntries,
    families.modelReady,
  ])
    Object.assign(read, { collect: () => collect(families) })
  return families
}
