import type { GateEventName, GateListener, MatcherOperation } from '../gate/events.ts'
import type { Gate } from '../gate/gate.ts'
import type { Verdict } from '../gate/types.ts'
import type { ModelName } from '../inference/manifest.ts'
import { referenceShare, SCORE_STEPS } from './buckets.ts'
import type { Families } from './families.ts'
import { LABELS, toLabel } from './labels.ts'
import type { MatcherNames } from './matcher-names.ts'
import { exemplarOf, type OpenTelemetry } from './open-telemetry.ts'
import { packageVersion } from './package-version.ts'
import { startMatcher, startVerdicts } from './start-series.ts'

export interface ObserveOptions {
  /** Outlives the gate where another goes on in its series. */
  readonly names: MatcherNames
  /** Values of the label `group`; undefined: no such label. */
  readonly groups?: readonly string[] | undefined
  readonly openTelemetry?: OpenTelemetry | undefined
}

export interface Observation {
  /** Read what is not told by events; called at a scrape. */
  collect(families: Families): void
  stop(): void
}

const OTHER = 'other'

/** Turns what the gate tells into numbers, on the main thread, at the end of each request. */
export function observeGate(gate: Gate, families: Families, options: ObserveOptions): Observation {
  const { names, openTelemetry } = options
  const groups = options.groups && [...options.groups, OTHER]
  const subscriptions: (() => void)[] = []
  const on = <N extends GateEventName>(name: N, listener: GateListener<N>): void => {
    subscriptions.push(gate.on(name, listener))
  }
  const loaded = new Set<ModelName>()
  const started = new Set<string>()
  // The verdicts of one photo come together, right before its `assessed`; they share the stages of the photo.
  let firstOfPhoto = true

  const calls = (name: string, operation: MatcherOperation): string => {
    const key = `${name} ${operation}`
    if (!started.has(key)) startMatcher(families, name, operation)
    started.add(key)
    return name
  }

  const start = (): void => startVerdicts(families, { matcher: names.ofVerdicts, groups, mode: gate.mode })
  if (!names.settled) start()

  on('guarded', ({ matcher: adapter, operations }) => {
    const before = names.ofVerdicts
    const name = names.ofCalls(adapter)
    for (const operation of operations) calls(name, operation)
    if (names.ofVerdicts !== before) start()
  })
  on('verdict', ({ verdict, group }) => {
    const name = groups && (group !== undefined && groups.includes(group) ? group : OTHER)
    countVerdict(families, { matcher: names.settle(), ...(name !== undefined && { group: name }) }, verdict)
    if (!verdict.cached) observeStages(families, verdict, firstOfPhoto)
    firstOfPhoto = false
  })
  on('refusal', ({ reason, purpose }) => families.rejections.inc({ matcher: names.settle(), purpose, reason }))
  on('assessed', ({ outcome, totalMs, faces, purpose }) => {
    firstOfPhoto = true
    const exemplarLabels = exemplarOf(openTelemetry)
    families.requestDuration.observe({ labels: { decision: toLabel(outcome) }, value: totalMs / 1000, exemplarLabels })
    if (faces !== undefined) families.faces.observe({ purpose }, faces)
  })
  on('failure', ({ code }) => families.errors.inc({ code }))
  on('shed', ({ reason }) => families.shed.inc({ reason }))
  on('degraded', () => families.degraded.inc({ matcher: names.settle() }))
  on('cache', ({ result }) => families.cacheRequests.inc({ result }))
  on('shared-cache', ({ result }) => families.sharedCache.inc({ result }))
  on('worker-restart', ({ reason }) => families.workerRestarts.inc({ reason }))
  on('thresholds', () => setThresholds(families, gate))
  on('model-ready', ({ model, loadMs }) => {
    loaded.add(model)
    families.modelLoad.set({ model }, loadMs / 1000)
  })
  on('withheld', ({ purpose }) => {
    const operation = purpose === 'enrolment' ? 'enrol' : 'identify'
    families.matcherCalls.inc({ matcher: calls(names.settle(), operation), operation, outcome: 'withheld' })
  })
  on('matcher', ({ matcher: adapter, operation, outcome, durationMs, rawScore, adjustedScore }) => {
    const name = calls(names.ofCalls(adapter), operation)
    families.matcherCalls.inc({ matcher: name, operation, outcome })
    if (outcome !== 'withheld') {
      const labels = { matcher: name, operation }
      const exemplarLabels = exemplarOf(openTelemetry)
      families.matcherDuration.observe({ labels, value: durationMs / 1000, exemplarLabels })
    }
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

function countVerdict(
  families: Families,
  common: { readonly matcher: string; readonly group?: string },
  verdict: Verdict,
): void {
  const { purpose, mode, score, escalation, reasons } = verdict
  families.verdicts.inc({ ...common, purpose, mode, decision: toLabel(verdict.decision) })
  if (verdict.decision === 'reject')
    families.rejections.inc({ matcher: common.matcher, purpose, reason: reasons[0]?.code ?? 'low_score' })
  if (score) families.score.observe({ ...common, purpose, method: toLabel(score.method) }, score.value)
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
    // Not `le`: promtool allows that to histograms only.
    const at = (up_to: string, share: number): void => reference.set({ method: toLabel(method), up_to }, share)
    for (const bound of SCORE_STEPS) at(String(bound), referenceShare(scoring.reference[method], bound))
    at('+Inf', 1)
  }
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
