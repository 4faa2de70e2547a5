import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { THRESHOLDS } from '../fixtures/fake-gate.ts'
import { samplesOf, sum } from './series.ts'

it('the processes of a cluster add up, and what is no sum stays what it is', async () => {
  const script = fileURLToPath(new URL('fixtures/cluster.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script])
  const samples = samplesOf(stdout)
  expect(sum(samples, 'diffiqa_verdicts_total')).toBe(5)
  expect(sum(samples, 'diffiqa_score_count')).toBe(5)
  expect(sum(samples, 'diffiqa_queue_capacity', { stage: 'fast' })).toBe(64)
  expect(sum(samples, 'diffiqa_build_info')).toBe(1)
  expect(sum(samples, 'diffiqa_model_ready', { model: 'detector' })).toBe(1)
  expect(sum(samples, 'diffiqa_model_load_seconds', { model: 'detector' })).toBeCloseTo(0.3)
  expect(sum(samples, 'diffiqa_threshold', { purpose: 'probe', bound: 'reject_below' })).toBe(
    THRESHOLDS.probe.rejectBelow,
  )
  expect(sum(samples, 'diffiqa_score_reference_ratio', { method: 'diffiqa_r', up_to: '+Inf' })).toBe(1)
  const age = Date.now() / 1000 - sum(samples, 'diffiqa_last_verdict_timestamp_seconds')
  expect(Math.abs(age)).toBeLessThan(60)
})
