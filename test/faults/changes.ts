import type { Sample } from '../metrics/series.ts'

/** Counted once for each request, restart or call; durations, scores and gauges depend on the moment. */
const COUNTED = [
  'verdicts_total',
  'rejections_total',
  'escalations_total',
  'errors_total',
  'shed_total',
  'degraded_total',
  'request_duration_seconds_count',
  'worker_restarts_total',
  'matcher_calls_total',
].map((name) => `diffiqa_${name}`)

/** Constant in these tests. */
const LEFT_OUT = ['matcher', 'purpose', 'mode', 'operation']

/** What two scrapes tell of what happened between them: `errors worker-crashed` → 1. */
export function changes(before: readonly Sample[], after: readonly Sample[]): Record<string, number> {
  const told: Record<string, number> = {}
  const count = (samples: readonly Sample[], sign: number): void => {
    for (const { name, labels, value } of samples) {
      if (!COUNTED.includes(name)) continue
      const values = Object.entries(labels).flatMap(([label, text]) => (LEFT_OUT.includes(label) ? [] : [text]))
      const short = name
        .replace(/^diffiqa_/, '')
        .replace(/_total$/, '')
        .replace('_duration_seconds_count', 's')
      const key = [short, ...values].join(' ')
      told[key] = (told[key] ?? 0) + sign * value
    }
  }
  count(before, -1)
  count(after, 1)
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== 0))
}
