import type { GateEventName, GateListener } from '../gate/events.ts'
import type { Gate } from '../gate/gate.ts'
import type { Verdict } from '../gate/types.ts'
import type { ModelName } from '../inference/manifest.ts'
import { referenceShare, SCORE_STEPS } from './buckets.ts'
import type { Families } from './families.ts'
import { LABELS, toLabel } from './labels.ts'
import { packageVersion } from './package-version.ts'

/** Names of matchers come from the application; beyond these they share one label value. */
const MAX_MATCHERS = 8

export interface Observation {
  /** Read what is not told by events; called at a scrape. */
  collect(families: Families): void
  stop(): void
}

/**
 * Turns what the gate tells into numbers, on the main thread, at the end of each request.
 * @param matcher Label of the verdicts.
 * @param matcherName The application's name for its matcher; undefined: the adapter's own.
 */
export function observeGate(gate: Gate, families: Families, matcher: string, matcherName?: string): Observation {
  const subscriptions: (() => void)[] = []
  const on = <N extends GateEventName>(name: N, listener: GateListener<N>): void => {
    subscriptions.push(gate.on(name, listener))
  }
  const loaded = new Set<ModelName>()
  const matchers = new Set<string>()
  // The verdicts of one photo come together, right before its `assessed`; they share the stages of the photo.
  let firstOfPhoto = true

  on('verdict', ({ verdict }) => {
    countVerdict(families, matcher, verdict)
    if (!verdict.cached) observeStages(families, verdict, firstOfPhoto)
    firstOfPhoto = false
  })
  on('refusal', ({ reason, purpose }) => families.rejections.inc({ matcher, purpose, reason }))
  on('assessed', ({ outcome, totalMs, faces, purpose }) => {
    firstOfPhoto = true
    families.requestDuration.observe({ decision: toLabel(outcome) }, totalMs / 1000)
    if (faces !== undefined) families.faces.observe({ purpose }, faces)
  })
  on('failure', ({ code }) => families.errors.inc({ code }))
  on('shed', ({ reason }) => families.shed.inc({ reason }))
  on('degraded', () => families.degraded.inc({ matcher }))
  on('cache', ({ result }) => families.cacheRequests.inc({ result }))
  on('worker-restart', ({ reason }) => families.workerRestarts.inc({ reason }))
  on('thresholds', () => setThresholds(families, gate))
  on('model-ready', ({ model, loadMs }) => {
    loaded.add(model)
    families.modelLoad.set({ model }, loadMs / 1000)
  })
  on('matcher', ({ matcher: adapter, operation, outcome, durationMs, rawScore, adjustedScore }) => {
    const name = matcherName ?? (matchers.has(adapter) || matchers.size < MAX_MATCHERS ? adapter : 'other')
    if (!matchers.has(`${name} ${operation}`)) startMatcher(families, name, operation)
    matchers.add(adapter).add(`${name} ${operation}`)
    families.matcherCalls.inc({ matcher: name, operation, outcome })
    if (outcome !== 'withheld') families.matcherDuration.observe({ matcher: name, operation }, durationMs / 1000)
    if (rawScore !== undefined) families.matchScore.observe({ matcher: name, kind: 'raw' }, rawScore)
    if (adjustedScore !== undefined) families.matchScore.observe({ matcher: name, kind: 'adjusted' }, adjustedScore)
  })

  setThresholds(families, gate)
  setFacts(families, gate)
  return {
    collect: () => readStats(families, gate, loaded),
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe()
    },
  }
}

function countVerdict(families: Families, matcher: string, verdict: Verdict): void {
  const { purpose, mode, score, escalation, reasons } = verdict
  families.verdicts.inc({ matcher, purpose, mode, decision: toLabel(verdict.decision) })
  if (verdict.decision === 'reject')
    families.rejections.inc({ matcher, purpose, reason: reasons[0]?.code ?? 'low_score' })
  if (score) families.score.observe({ matcher, purpose, method: toLabel(score.method) }, score.value)
  if (escalation !== 'not-needed') families.escalations.inc({ outcome: toLabel(escalation) })
  families.lastVerdict.set(Date.now() / 1000)
}

function observeStages({ stageDuration, queueWait }: Families, { timings, full }: Verdict, ofPhoto: boolean): void {
  if (ofPhoto) {
    stageDuration.observe({ stage: 'decode' }, timings.decodeMs / 1000)
    stageDuration.observe({ stage: 'detect' }, timings.detectMs / 1000)
    stageDuration.observe({ stage: 'align' }, timings.alignMs / 1000)
    stageDuration.observe({ stage: 'diffiqa_r' }, timings.diffiqaRMs / 1000)
    queueWait.observe({ stage: 'fast' }, timings.queueMs / 1000)
  }
  if (full) stageDuration.observe({ stage: 'diffiqa' }, timings.diffiqaMs / 1000)
  if (timings.fullQueueMs !== undefined) queueWait.observe({ stage: 'full' }, timings.fullQueueMs / 1000)
}

function setThresholds({ threshold }: Families, { policy, thresholds }: Gate): void {
  threshold.reset()
  for (const purpose of LABELS.purpose) {
    const { rejectBelow, acceptFrom } = thresholds[purpose]
    threshold.set({ policy, purpose, bound: 'reject_below' }, rejectBelow)
    threshold.set({ policy, purpose, bound: 'accept_from' }, acceptFrom)
  }
}

function setFacts({ buildInfo, reference }: Families, { manifest, preset }: Gate): void {
  const { modelVersion, models, scoring } = manifest
  const model_sha256 = models.regressor.sha256.slice(0, 12)
  buildInfo.reset()
  buildInfo.set({ version: packageVersion(), model: modelVersion, model_sha256, preset }, 1)
  reference.reset()
  for (const method of ['diffiqa-r', 'combined'] as const) {
    const at = (le: string, share: number): void => reference.set({ method: toLabel(method), le }, share)
    for (const bound of SCORE_STEPS) at(String(bound), referenceShare(scoring.reference[method], bound))
    at('+Inf', 1)
  }
}

function startMatcher(families: Families, matcher: string, operation: (typeof LABELS.operation)[number]): void {
  for (const outcome of LABELS.matcherOutcome) families.matcherCalls.inc({ matcher, operation, outcome }, 0)
}

function readStats(families: Families, gate: Gate, loaded: ReadonlySet<ModelName>): void {
  const { queue, workers, cacheEntries } = gate.stats()
  for (const stage of LABELS.queue) {
    families.queueDepth.set({ stage }, queue[stage].depth)
    families.queueCapacity.set({ stage }, queue[stage].capacity)
  }
  for (const state of LABELS.worker) families.workers.set({ state }, workers[state])
  families.cacheEntries.set(cacheEntries)
  for (const model of LABELS.model) families.modelReady.set({ model }, gate.ready && loaded.has(model) ? 1 : 0)
}
