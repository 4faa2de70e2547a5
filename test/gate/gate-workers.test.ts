import type { Worker } from 'node:worker_threads'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGate } from '../../src/gate/create-gate.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'

/** Every thread this process starts, as Node tells of them. */
const threads: Worker[] = []
const onThread = (worker: Worker): void => void threads.push(worker)
process.on('worker', onThread)
afterAll(() => void process.off('worker', onThread))

const until = async (met: () => boolean): Promise<void> => {
  const end = performance.now() + 20_000
  while (!met()) {
    if (performance.now() > end) throw new Error('waited in vain')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Takes a worker a good while: 20 million pixels of noise. */
const slowPhoto = (): Promise<Buffer> => {
  const width = 5000
  const height = 4000
  const data = new Uint8Array(width * height)
  let state = 1
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[i] = state >>> 24
  }
  return sharp(data, { raw: { width, height, channels: 1 } })
    .jpeg({ quality: 90 })
    .toBuffer()
}

describe('a gate over worker threads', () => {
  let gate: Gate
  let slow: Buffer
  beforeAll(async () => {
    slow = await slowPhoto()
    gate = await createGate({ workers: 1, deadlineMs: 60_000 })
  })
  afterAll(() => gate.close())

  test('is ready, warmed up, and idle', () => {
    expect(gate.ready).toBe(true)
    expect(gate.stats()).toMatchObject({ workers: { busy: 0, idle: 1, starting: 0 }, cacheEntries: 0 })
    const loads: string[] = []
    gate.on('model-ready', ({ model, loadMs }) => loads.push(`${model} ${loadMs > 0}`))
    expect(loads).toEqual(['detector true', 'embedder true', 'denoiser true', 'regressor true'])
  })

  test('gives the verdict that the calling thread gives, full score included', async () => {
    await using here = await createGate({ inference: 'in-process', deadlineMs: 60_000 })
    for (const name of ['a', 'c'] as const) {
      const [there, same] = await Promise.all(
        [gate, here].map(async (one) => one.assess(await sampleFace(name), { full: true, crops: true })),
      )
      const { timings: _, ...expected } = there?.verdict ?? ({} as never)
      expect(same?.verdict).toMatchObject(expected)
      expect(same?.aligned).toEqual(there?.aligned)
    }
  })

  test('1,000 identical photos at once: one answer for all, on a queue of 32', async () => {
    const photo = await sampleFace('c')
    const all = await Promise.all(Array.from({ length: 1000 }, () => gate.assess(new Uint8Array(photo))))
    expect(new Set(all.map(({ verdict }) => JSON.stringify([verdict.score, verdict.escalation]))).size).toBe(1)
  })

  test('refusals come out of the worker as they are', async () => {
    await expect(gate.assess(samplePhoto(5))).rejects.toMatchObject({
      name: 'DiffiqaError',
      code: 'several-faces',
      details: { reasons: [{ code: 'several_faces', value: expect.any(Number) }] },
    })
    await expect(gate.assess(Buffer.from('GIF89a nothing else'))).rejects.toMatchObject({
      code: 'unsupported-media-type',
    })
  })

  test('the caller’s bytes stay usable', async () => {
    const photo = new Uint8Array(await sampleFace('c'))
    await gate.assess(photo)
    expect(photo.length).toBeGreaterThan(1000)
  })

  test('a deadline that passes while the worker works is told at once, and the worker goes on', async () => {
    const start = performance.now()
    await expect(gate.assess(slow, { deadlineMs: 20 })).rejects.toMatchObject({
      code: 'deadline-exceeded',
      status: 504,
    })
    expect(performance.now() - start).toBeLessThan(1000)
    expect((await gate.assess(await sampleFace('c'))).verdict.score).toBeDefined()
  })

  test('a client that leaves while its photo is scored costs no worker', async () => {
    const restarts: string[] = []
    const stop = gate.on('worker-restart', ({ reason }) => restarts.push(reason))
    const controller = new AbortController()
    const assessment = gate.assess(slow, { signal: controller.signal })
    await until(() => gate.stats().workers.busy === 1)
    controller.abort()
    await expect(assessment).rejects.toMatchObject({ code: 'aborted' })
    expect((await gate.assess(await sampleFace('c'))).verdict.score).toBeDefined()
    expect(restarts).toEqual([])
    stop()
  })

  test('a worker killed in the middle of its work: one photo lost, the next one scored', async () => {
    const told: unknown[] = []
    const stops = [
      gate.on('worker-restart', (event) => told.push(event)),
      gate.on('failure', (event) => told.push(event)),
    ]
    const assessment = gate.assess(slow)
    await until(() => gate.stats().workers.busy === 1)
    await Promise.all([
      expect(assessment).rejects.toMatchObject({ code: 'worker-crashed', status: 503, retryable: true }),
      threads.at(-1)?.terminate(),
    ])
    const again = await gate.assess(await sampleFace('c'))
    expect(again.verdict.score).toBeDefined()
    expect(told).toEqual(expect.arrayContaining([{ reason: 'crash' }, { code: 'worker-crashed' }]))
    for (const stop of stops) stop()
  })

  test('with onFailure pass the photo of a killed worker is let through, degraded', async () => {
    const assessment = gate.assess(slow, { onFailure: 'pass' })
    await until(() => gate.stats().workers.busy === 1)
    void threads.at(-1)?.terminate()
    expect((await assessment).verdict).toMatchObject({ degraded: true, failure: 'worker-crashed', decision: 'accept' })
    expect((await gate.assess(await sampleFace('c'))).verdict.degraded).toBe(false)
  })
})

test('close() answers what has begun, then refuses; the threads are gone', async () => {
  const before = threads.length
  const gate = await createGate({ workers: 1, deadlineMs: 60_000 })
  const ended = Promise.all(
    threads.slice(before).map((worker) => new Promise((resolve) => worker.once('exit', resolve))),
  )
  const running = gate.assess(await sampleFace('c'))
  const closing = gate.close()
  await expect(gate.assess(await sampleFace('c'))).rejects.toMatchObject({ code: 'shutting-down' })
  expect((await running).verdict.score).toBeDefined()
  await closing
  await ended
  await expect(gate.assess(await sampleFace('c'))).rejects.toMatchObject({ code: 'gate-closed' })
  expect(gate.ready).toBe(false)
})
