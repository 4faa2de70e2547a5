import type { Metric } from 'prom-client'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { post, until } from '../fixtures/http.ts'
import { sum } from '../metrics/series.ts'
import { changes } from './changes.ts'
import { type FaultServer, faultServer } from './fault-server.ts'

let server: FaultServer | undefined
afterEach(async () => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  await server?.close()
  server = undefined
})
const open = async (...options: Parameters<typeof faultServer>): Promise<FaultServer> => {
  server = await faultServer(...options)
  return server
}
const GOOD = { 'verdicts accept': 1, 'requests accept': 1, 'matcher_calls ok': 1 }

describe('metrics that throw', () => {
  it('never touch a decision: said once, and counted again when they are whole', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const faults = await open()
    const names = ['verdicts_total', 'score', 'request_duration_seconds', 'matcher_calls_total', 'errors_total']
    const broken = names.map((name) => {
      const metric = faults.register.getSingleMetric(`diffiqa_${name}`) as Metric & { inc?: object; observe?: object }
      const method = 'observe' in metric ? 'observe' : 'inc'
      return vi.spyOn(metric as unknown as Record<string, () => void>, method).mockImplementation(() => {
        throw new Error('disk of the registry is full')
      })
    })
    for (const plan of [{}, { ms: 1 }, { do: 'exit' }, { ms: 2 }] as const) {
      const { status } = await faults.send('/raw', plan)
      expect(status).toBe('do' in plan ? 503 : 200)
    }
    // Once for each thing that is told, not once for each photo.
    const warnings = warned.mock.calls.length
    expect(warnings).toBeGreaterThan(0)
    await faults.send('/raw', { ms: 3 })
    expect(warned.mock.calls.length).toBe(warnings)
    for (const spy of broken) spy.mockRestore()
    const before = await faults.metrics()
    await faults.send('/raw', { ms: 4 })
    expect(changes(before, await faults.metrics())).toEqual(GOOD)
  })

  it('at a scrape cost the scrape, not the photos', async () => {
    const faults = await open()
    const depth = faults.register.getSingleMetric('diffiqa_queue_depth') as Metric & { collect: () => void }
    const spy = vi.spyOn(depth, 'collect').mockImplementation(() => {
      throw new Error('broken')
    })
    const scrape = () => post(faults, '/metrics', undefined, { method: 'GET' })
    expect((await scrape()).status).toBe(500)
    expect((await faults.send('/raw')).status).toBe(200)
    spy.mockRestore()
    expect((await scrape()).status).toBe(200)
  })
})

describe('a logger that throws', () => {
  it('never touches a decision', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const faults = await open()
    const names = ['verdict', 'assessed', 'failure', 'matcher', 'worker-restart'] as const
    for (const name of names)
      faults.gate.on(name, () => {
        throw new Error('no space left on device')
      })
    const before = await faults.metrics()
    expect((await faults.send('/raw')).status).toBe(200)
    expect((await faults.send('/raw', { do: 'exit' })).status).toBe(503)
    expect((await faults.send('/raw', { ms: 1 })).status).toBe(200)
    expect(changes(before, await faults.metrics())).toEqual({
      'verdicts accept': 2,
      'requests accept': 2,
      'matcher_calls ok': 2,
      'errors worker-crashed': 1,
      'requests error': 1,
      'matcher_calls withheld': 1,
      'worker_restarts crash': 1,
    })
    expect(warned.mock.calls.length).toBe(names.length)
  })
})

describe('a clock that jumps', () => {
  const DAY_MS = 86_400_000
  it.each([DAY_MS, -DAY_MS])(
    'by %i ms while photos run, wait, and lie in the cache: no deadline passes, none is lifted',
    async (jumpMs) => {
      const faults = await open({ cache: true })
      const now = Date.now()
      vi.useFakeTimers({ toFake: ['Date'], now })
      await faults.send('/raw')
      const before = await faults.metrics()
      const running = faults.send('/raw', { ms: 800 })
      await until(() => faults.gate.stats().workers.busy === 1)
      const waiting = faults.send('/raw', { ms: 1 })
      const late = faults.send('/short', { ms: 2 })
      await until(() => faults.gate.stats().queue.fast.depth === 2)
      vi.setSystemTime(now + jumpMs)
      const answers = await Promise.all([running, waiting, late, faults.send('/raw')])
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 504, 200])
      const after = await faults.metrics()
      expect(changes(before, after)).toMatchObject({ 'requests accept': 3, 'requests shed': 1, 'shed deadline': 1 })
      // The photo of before the jump is still known.
      expect(sum(after, 'diffiqa_cache_requests_total', { result: 'hit' })).toBe(1)
      const spent = ['request_duration_seconds', 'queue_wait_seconds', 'matcher_duration_seconds']
      for (const name of spent) {
        const seconds = sum(after, `diffiqa_${name}_sum`)
        expect(seconds).toBeGreaterThan(0)
        expect(seconds).toBeLessThan(60)
      }
      expect(sum(after, 'diffiqa_last_verdict_timestamp_seconds')).toBeCloseTo((now + jumpMs) / 1000, 0)
    },
  )
})
