import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createGate } from '../../src/gate/create-gate.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { redisScores } from '../../src/gate/redis-scores.ts'
import { createMetrics } from '../../src/metrics/create-metrics.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { until } from './bulk-cli.ts'
import { RedisServer } from './redis-server.ts'

vi.setConfig({ testTimeout: 120_000 })

const SECRET = 'a secret that only the processes of this service know'
const root = mkdtempSync(join(tmpdir(), 'diffiqa-shared-'))
let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.open()
})
afterAll(async () => {
  await redis[Symbol.asyncDispose]()
  rmSync(root, { recursive: true })
})
beforeEach(async () => {
  await redis.client.flushall()
})

const run = promisify(execFile)

describe('two processes and one Redis', () => {
  it('the second gives the verdict of the first without looking at the photo', async () => {
    const photo = await sampleFace('f')
    const file = join(root, 'f.jpg')
    writeFileSync(file, photo)
    const script = new URL('fixtures/assess-shared.mjs', import.meta.url).pathname
    const assess = async (secret = SECRET) =>
      JSON.parse((await run(process.execPath, [script, redis.url, secret, file])).stdout)
    const first = await assess()
    expect(first).toMatchObject({ result: 'miss', lookedAt: 1, decision: 'accept' })
    const second = await assess()
    expect(second).toMatchObject({ result: 'hit', lookedAt: 0, decision: 'accept', score: first.score })
    expect(await assess(`another ${SECRET}`)).toMatchObject({ result: 'miss', lookedAt: 1 })

    // What Redis holds: keys that tell nothing, scores, the models' version, and for no longer than said.
    const keys = await redis.client.keys('*')
    expect(keys).toHaveLength(2)
    for (const key of keys) {
      expect(key).toMatch(/^diffiqa:score:[\w-]{43}$/)
      expect(await redis.client.pttl(key)).toBeGreaterThan(0)
      const value = (await redis.client.get(key)) as string
      const entry = JSON.parse(value.slice(value.indexOf('.') + 1))
      expect(Object.keys(entry)).toEqual(['modelVersion', 'scores'])
      expect(entry.scores).toEqual([{ fast: [expect.any(Number), expect.any(Number), expect.any(Number)] }])
      expect(value.length).toBeLessThan(200)
    }
  })
})

describe('a Redis in trouble costs no verdict', () => {
  let gate: Gate
  let client: Redis
  let photo: Buffer
  const series = async (): Promise<Record<string, number>> => {
    const text = await createMetrics(gate).register.metrics()
    const rows = text.matchAll(/^diffiqa_shared_cache_requests_total\{result="(\w+)"\} (\d+)$/gm)
    return Object.fromEntries(Array.from(rows, ([, result, value]) => [result, Number(value)]))
  }
  /** What was counted meanwhile. */
  const delta = async (action: () => Promise<unknown>): Promise<Record<string, number>> => {
    const before = await series()
    await action()
    const after = await series()
    return Object.fromEntries(
      Object.entries(after).flatMap(([k, v]) => (v > (before[k] ?? 0) ? [[k, v - (before[k] ?? 0)]] : [])),
    )
  }
  /** Each time another photo for the caches, and the same for the networks. */
  let count = 0
  const another = (): Buffer => Buffer.concat([photo, Buffer.from(`another ${count++}`)])
  const accepted = async (bytes = another()): Promise<void> => {
    expect((await gate.assess(bytes)).verdict).toMatchObject({ decision: 'accept', degraded: false })
  }

  beforeAll(async () => {
    photo = await sampleFace('c')
    client = new Redis(redis.url, { maxRetriesPerRequest: 1 }).on('error', () => {})
    const shared = { store: redisScores(client), secret: SECRET, timeoutMs: 200 }
    gate = await createGate({ inference: 'in-process', cache: { maxEntries: 1, shared }, deadlineMs: 60_000 })
    createMetrics(gate)
  })
  afterAll(async () => {
    await gate.close()
    client.disconnect()
  })
  /** Until the pause after failures has passed. */
  const recovered = () => until(async () => 'miss' in (await delta(accepted)))

  it('gone, and back', async () => {
    expect(await delta(accepted)).toEqual({ miss: 1 })
    await redis.kill()
    const gone = await delta(async () => {
      for (let n = 0; n < 8; n++) await accepted()
    })
    // Three that failed or were late, and then nobody waits any more.
    expect((gone.error ?? 0) + (gone.timeout ?? 0)).toBeGreaterThanOrEqual(3)
    expect(gone.skipped).toBeGreaterThan(0)
    expect(gone.miss ?? 0).toBe(0)
    await redis.start()
    await recovered()
    const bytes = another()
    await accepted(bytes)
    await accepted() // Puts it out of the own cache, which holds one photo.
    expect(await delta(() => accepted(bytes))).toEqual({ hit: 1 })
  })

  it('slow', async () => {
    await redis.client.call('CLIENT', 'PAUSE', '1500', 'ALL')
    expect(await delta(accepted)).toEqual({ timeout: 1 })
    await recovered()
  })

  it('full', async () => {
    await redis.client.config('SET', 'maxmemory', '1')
    const bytes = another()
    expect(await delta(() => accepted(bytes))).toEqual({ miss: 1 })
    expect(await redis.client.dbsize()).toBe(0)
    await redis.client.config('SET', 'maxmemory', '0')
    await accepted(bytes)
    await accepted()
    await until(async () => (await redis.client.dbsize()) > 0)
    expect(await delta(() => accepted())).toEqual({ miss: 1 })
  })

  it('read-only, or with another password', async () => {
    await using locked = await RedisServer.open([], 'right')
    await using replica = await RedisServer.open(['--replicaof', `127.0.0.1 ${redis.port}`])
    for (const server of [locked, replica]) {
      const other = new Redis(server.url, { maxRetriesPerRequest: 1 }).on('error', () => {})
      const shared = { store: redisScores(other), secret: SECRET }
      await using own = await createGate({ inference: 'in-process', cache: { shared }, deadlineMs: 60_000 })
      const results: string[] = []
      own.on('shared-cache', ({ result }) => results.push(result))
      expect((await own.assess(another())).verdict.decision).toBe('accept')
      expect(results).toEqual([server === locked ? expect.stringMatching(/error|timeout/) : 'miss'])
      other.disconnect()
    }
  })
})
