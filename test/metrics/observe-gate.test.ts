import { beforeEach, describe, expect, it } from 'vitest'
import { referenceShare, scoreBounds } from '../../src/metrics/buckets.ts'
import { createMetrics, type GateMetrics } from '../../src/metrics/create-metrics.ts'
import { THRESHOLDS } from '../fixtures/fake-gate.ts'
import { verdictOf } from '../fixtures/probes.ts'
import { type ScriptedGate, scriptedGate } from '../fixtures/scripted-gate.ts'
import { type Sample, scrape, sum } from './series.ts'

let gate: ScriptedGate
let metrics: GateMetrics
beforeEach(() => {
  gate = scriptedGate()
  metrics = createMetrics(gate)
})
const samples = (): Promise<Sample[]> => scrape(metrics.register)
const timings = { totalMs: 50, queueMs: 20, decodeMs: 10, detectMs: 8, alignMs: 2, diffiqaRMs: 6, diffiqaMs: 0 }
const assessed = (outcome: 'accept' | 'reject', faces = 1) =>
  gate.emit('assessed', { outcome, totalMs: 50, faces, purpose: 'probe' })

describe('what the gate tells becomes numbers', () => {
  it('a verdict: decision, score, stages, wait, time', async () => {
    gate.emit('verdict', { verdict: verdictOf({ decision: 'down-weight', timings }) })
    assessed('accept')
    const s = await samples()
    const labels = { matcher: 'default', purpose: 'probe' }
    expect(sum(s, 'diffiqa_verdicts_total')).toBe(1)
    expect(sum(s, 'diffiqa_verdicts_total', { ...labels, mode: 'enforce', decision: 'down_weight' })).toBe(1)
    expect(sum(s, 'diffiqa_rejections_total')).toBe(0)
    expect(sum(s, 'diffiqa_score_count', { ...labels, method: 'diffiqa_r' })).toBe(1)
    expect(sum(s, 'diffiqa_score_sum')).toBeCloseTo(0.95)
    for (const [stage, seconds] of [
      ['decode', 0.01],
      ['detect', 0.008],
      ['align', 0.002],
      ['diffiqa_r', 0.006],
    ] as const)
      expect(sum(s, 'diffiqa_stage_duration_seconds_sum', { stage })).toBeCloseTo(seconds)
    expect(sum(s, 'diffiqa_stage_duration_seconds_count', { stage: 'diffiqa' })).toBe(0)
    expect(sum(s, 'diffiqa_queue_wait_seconds_sum', { stage: 'fast' })).toBeCloseTo(0.02)
    expect(Math.abs(sum(s, 'diffiqa_last_verdict_timestamp_seconds') - Date.now() / 1000)).toBeLessThan(10)
    expect(sum(s, 'diffiqa_request_duration_seconds_sum', { decision: 'accept' })).toBeCloseTo(0.05)
    expect(sum(s, 'diffiqa_faces_per_photo_sum')).toBe(1)
  })

  it('a rejection has its first reason; without reasons it is the score', async () => {
    const reasons = [
      { code: 'blur', advice: '' },
      { code: 'dark', advice: '' },
    ] as const
    gate.emit('verdict', { verdict: verdictOf({ decision: 'reject', reasons, mode: 'shadow', purpose: 'enrolment' }) })
    gate.emit('verdict', { verdict: verdictOf({ decision: 'reject' }) })
    gate.emit('refusal', { reason: 'no_face', code: 'no-face', purpose: 'probe', mode: 'enforce' })
    const s = await samples()
    expect(sum(s, 'diffiqa_rejections_total')).toBe(3)
    expect(sum(s, 'diffiqa_rejections_total', { reason: 'blur', purpose: 'enrolment' })).toBe(1)
    expect(sum(s, 'diffiqa_rejections_total', { reason: 'low_score' })).toBe(1)
    expect(sum(s, 'diffiqa_rejections_total', { reason: 'no_face' })).toBe(1)
    expect(sum(s, 'diffiqa_verdicts_total', { mode: 'shadow', decision: 'reject' })).toBe(1)
  })

  it('the faces of one photo share its stages', async () => {
    const full = { value: 0.5, sigma: 0.1, method: 'diffiqa', raw: 0, modelVersion: 'x' } as const
    for (let photo = 0; photo < 2; photo++) {
      for (let face = 0; face < 3; face++)
        gate.emit('verdict', {
          verdict: verdictOf({
            timings: { ...timings, diffiqaMs: 300, fullQueueMs: 40 },
            ...(face < 2 && { full, escalation: 'confirmed' }),
          }),
        })
      assessed('accept', 3)
    }
    const s = await samples()
    expect(sum(s, 'diffiqa_verdicts_total')).toBe(6)
    expect(sum(s, 'diffiqa_stage_duration_seconds_count', { stage: 'decode' })).toBe(2)
    expect(sum(s, 'diffiqa_stage_duration_seconds_count', { stage: 'diffiqa' })).toBe(4)
    expect(sum(s, 'diffiqa_queue_wait_seconds_count', { stage: 'fast' })).toBe(2)
    expect(sum(s, 'diffiqa_queue_wait_seconds_count', { stage: 'full' })).toBe(6)
    expect(sum(s, 'diffiqa_escalations_total', { outcome: 'confirmed' })).toBe(4)
  })

  it('a cached verdict has no stages', async () => {
    gate.emit('verdict', { verdict: verdictOf({ cached: true, timings }) })
    gate.emit('cache', { result: 'hit', entries: 3 })
    const s = await samples()
    expect(sum(s, 'diffiqa_stage_duration_seconds_count')).toBe(0)
    expect(sum(s, 'diffiqa_score_count')).toBe(1)
    expect(sum(s, 'diffiqa_cache_requests_total', { result: 'hit' })).toBe(1)
  })

  it('failures, load turned away, passing on, restarts', async () => {
    gate.emit('failure', { code: 'worker-crashed' })
    gate.emit('shed', { reason: 'queue_full' })
    gate.emit('degraded', { code: 'worker-crashed', purpose: 'probe' })
    gate.emit('worker-restart', { reason: 'watchdog' })
    const s = await samples()
    expect(sum(s, 'diffiqa_errors_total', { code: 'worker-crashed' })).toBe(1)
    expect(sum(s, 'diffiqa_shed_total', { reason: 'queue_full' })).toBe(1)
    expect(sum(s, 'diffiqa_degraded_total', { matcher: 'default' })).toBe(1)
    expect(sum(s, 'diffiqa_worker_restarts_total', { reason: 'watchdog' })).toBe(1)
  })

  it('models are ready when they are loaded and the gate takes photos', async () => {
    gate.emit('model-ready', { model: 'detector', loadMs: 250 })
    let s = await samples()
    expect(sum(s, 'diffiqa_model_ready', { model: 'detector' })).toBe(1)
    expect(sum(s, 'diffiqa_model_ready', { model: 'regressor' })).toBe(0)
    expect(sum(s, 'diffiqa_model_load_seconds')).toBe(0.25)
    gate.ready = false
    s = await samples()
    expect(sum(s, 'diffiqa_model_ready')).toBe(0)
  })

  it('queue and workers are read at the scrape', async () => {
    gate.statistics = {
      queue: { fast: { depth: 5, capacity: 32 }, full: { depth: 1, capacity: 2 } },
      workers: { busy: 2, idle: 1, starting: 3 },
      cacheEntries: 9,
    }
    const s = await samples()
    expect(sum(s, 'diffiqa_queue_depth', { stage: 'fast' })).toBe(5)
    expect(sum(s, 'diffiqa_queue_capacity')).toBe(34)
    expect(['busy', 'idle', 'starting'].map((state) => sum(s, 'diffiqa_workers', { state }))).toEqual([2, 1, 3])
    expect(sum(s, 'diffiqa_cache_entries')).toBe(9)
  })

  it('thresholds are those in force, old ones do not linger', async () => {
    const changed = { ...THRESHOLDS, probe: { rejectBelow: 0.33, acceptFrom: 0.66, minWeight: 0.5 } }
    Object.assign(gate, { policy: 'custom', thresholds: changed })
    gate.emit('thresholds', { policy: 'custom', thresholds: changed })
    const thresholds = (await samples()).filter(({ name }) => name === 'diffiqa_threshold')
    expect(thresholds).toHaveLength(4)
    expect(sum(thresholds, 'diffiqa_threshold', { policy: 'custom', purpose: 'probe', bound: 'reject_below' })).toBe(
      0.33,
    )
  })
})

describe("the matcher's series", () => {
  const call = (matcher: string, outcome: 'ok' | 'withheld' = 'ok') =>
    gate.emit('matcher', {
      matcher,
      operation: 'identify',
      outcome,
      durationMs: 30,
      purpose: 'probe',
      ...(outcome === 'ok' && { rawScore: 0.8, adjustedScore: 0.6 }),
    })

  it('count calls and what was withheld', async () => {
    call('human')
    call('human', 'withheld')
    const s = await samples()
    expect(sum(s, 'diffiqa_matcher_calls_total', { matcher: 'human', operation: 'identify', outcome: 'ok' })).toBe(1)
    expect(sum(s, 'diffiqa_matcher_calls_total', { outcome: 'withheld' })).toBe(1)
    expect(s.filter(({ name }) => name === 'diffiqa_matcher_calls_total')).toHaveLength(4)
    expect(sum(s, 'diffiqa_matcher_duration_seconds_count')).toBe(1)
    expect(sum(s, 'diffiqa_match_score_sum', { kind: 'raw' })).toBeCloseTo(0.8)
    expect(sum(s, 'diffiqa_match_score_sum', { kind: 'adjusted' })).toBeCloseTo(0.6)
  })

  it('take the name that the application gives', async () => {
    gate = scriptedGate()
    metrics = createMetrics(gate, { matcherName: 'door' })
    call('human')
    gate.emit('verdict', { verdict: verdictOf() })
    const s = await samples()
    expect(new Set(s.map(({ labels }) => labels.matcher).filter(Boolean))).toEqual(new Set(['door']))
  })

  it('do not grow without bound', async () => {
    for (let i = 0; i < 50; i++) call(`matcher-${i}`)
    const s = (await samples()).filter(({ name }) => name === 'diffiqa_matcher_calls_total')
    const names = new Set(s.map(({ labels }) => labels.matcher))
    expect(names.size).toBeLessThanOrEqual(10)
    expect(sum(s, 'diffiqa_matcher_calls_total', { matcher: 'other' })).toBeGreaterThan(30)
  })
})

describe('the reference distribution', () => {
  it('has the bounds of the score histogram, grows and ends at 1', async () => {
    const s = await samples()
    const bounds = new Set(s.filter(({ name }) => name === 'diffiqa_score_bucket').map(({ labels }) => labels.le))
    for (const method of ['diffiqa_r', 'combined']) {
      const reference = s.filter(
        ({ name, labels }) => name === 'diffiqa_score_reference_ratio' && labels.method === method,
      )
      expect(reference).toHaveLength(20)
      for (const { labels } of reference) expect(bounds).toContain(labels.up_to)
      const shares = reference.map(({ value }) => value)
      expect(shares).toEqual(shares.toSorted((a, b) => a - b))
      expect(shares.at(-1)).toBe(1)
    }
  })

  it('is linear between the knots', () => {
    const knots = [
      [0.2, 0.1],
      [0.4, 0.5],
      [0.9, 1],
    ] as const
    const at = (score: number) => Math.round(referenceShare(knots, score) * 1000) / 1000
    expect([0.1, 0.2, 0.3, 0.4, 0.65, 0.9, 0.95].map(at)).toEqual([0, 0.1, 0.3, 0.5, 0.75, 1, 1])
  })

  it('thresholds are bounds of the score histogram', () => {
    const bounds = scoreBounds([0.41, 0.5, 0, 1])
    expect(bounds).toContain(0.41)
    expect(bounds).toHaveLength(20)
    expect(bounds).toEqual(bounds.toSorted((a, b) => a - b))
  })
})
