import type { Worker } from 'node:worker_threads'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { families } from '../../monitoring/metrics-docs.ts'
import { until } from '../fixtures/http.ts'
import { SAMPLE_FACES, sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'
import { flat } from '../http/pictures.ts'
import { type TrialServer, trialServer } from '../http/trial-server.ts'
import { familyOf, type Sample, sum } from './series.ts'

/** Families that had a value other than 0 at any scrape. */
const seen = new Set<string>()
let server: TrialServer
const workers: Worker[] = []
const onWorker = (worker: Worker) => workers.push(worker)

const look = async (): Promise<Sample[]> => {
  const samples = await server.metrics()
  for (const { name, value } of samples) if (value !== 0) seen.add(familyOf(name))
  return samples
}

beforeAll(async () => {
  process.on('worker', onWorker)
  const kept = new Map<string, string>()
  const store = {
    get: async (key: string) => kept.get(key),
    set: async (key: string, value: string) => kept.set(key, value),
  }
  const shared = { store, secret: 'nobody knows this, and it is long enough' }
  server = await trialServer({ maxQueue: 1, cache: { shared }, escalationBudget: 1, deadlineMs: 30_000 })
})
afterAll(async () => {
  process.off('worker', onWorker)
  await server.close()
})

describe('real requests', { retry: 1, timeout: 120_000 }, () => {
  it('move every series there is', async () => {
    for (const face of SAMPLE_FACES) await server.send('/raw', await sampleFace(face))
    await server.send('/raw', await sampleFace('f'))
    for (const sigma of [3, 5, 8, 14])
      await server.send(
        '/raw',
        await sharp(await sampleFace('c'))
          .blur(sigma)
          .jpeg()
          .toBuffer(),
      )
    await server.send('/raw', await flat(300, 300).jpeg().toBuffer())
    await server.send('/raw', samplePhoto(1))
    await server.send('/m', 'no form', { type: 'multipart/form-data; boundary=x' })

    const slow = await flat(5000, 3000).png({ progressive: true }).toBuffer()
    const running = [server.send('/raw', slow)]
    await until(() => server.gate.stats().workers.busy === 1)
    running.push(
      server.send(
        '/raw',
        await sharp(await sampleFace('a'))
          .flop()
          .jpeg()
          .toBuffer(),
      ),
    )
    await until(() => server.gate.stats().queue.fast.depth === 1)
    expect(sum(await look(), 'diffiqa_queue_depth', { stage: 'fast' })).toBe(1)
    expect((await server.send('/raw', await flat(200, 300).png().toBuffer())).status).toBe(503)
    expect((await server.send('/pass', await flat(200, 300).png().toBuffer())).json.degraded).toBe(true)
    await Promise.all(running)

    const killed = server.send('/raw', await flat(5000, 3001).png({ progressive: true }).toBuffer())
    await until(() => server.gate.stats().workers.busy === 1)
    await workers.at(-1)?.terminate()
    expect((await killed).status).toBe(503)
    await expect.poll(() => server.gate.ready, { timeout: 30_000 }).toBe(true)

    const samples = await look()
    expect(
      families()
        .map(({ name }) => name)
        .filter((name) => !seen.has(name)),
    ).toEqual([])
    for (const outcome of ['accept', 'reject', 'degraded', 'shed', 'error'])
      expect([outcome, sum(samples, 'diffiqa_request_duration_seconds_count', { decision: outcome }) > 0]).toEqual([
        outcome,
        true,
      ])
    expect(sum(samples, 'diffiqa_verdicts_total', { matcher: 'everybody' })).toBe(
      sum(samples, 'diffiqa_verdicts_total'),
    )
    const withheld = sum(samples, 'diffiqa_matcher_calls_total', { matcher: 'everybody', outcome: 'withheld' })
    const refused = ['reject', 'shed', 'error'].map((decision) =>
      sum(samples, 'diffiqa_request_duration_seconds_count', { decision }),
    )
    expect(withheld).toBe(refused.reduce((a, b) => a + b))
    expect(sum(samples, 'diffiqa_matcher_calls_total', { outcome: 'ok' })).toBe(server.matched.length)
  })
})
