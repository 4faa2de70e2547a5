import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { runCli } from '../cli/run-cli.ts'
import { BulkProcess, manyPhotos, readResults, smallFace, until } from './bulk-cli.ts'
import { freePort } from './free-port.ts'
import { RedisServer } from './redis-server.ts'

vi.setConfig({ testTimeout: 180_000 })

let redis: RedisServer
let root: string
const at = (...steps: string[]): string => join(root, ...steps)
beforeAll(async () => {
  redis = await RedisServer.open()
})
afterAll(() => redis[Symbol.asyncDispose]())
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'diffiqa-bulk-faults-'))
  mkdirSync(at('one'))
  writeFileSync(at('one/a.jpg'), await smallFace('a'))
  await redis.client.flushall()
})
afterEach(() => rmSync(root, { recursive: true }))

const cli = (...args: string[]) => runCli(args, { cwd: root })
const worker = (...args: string[]) =>
  new BulkProcess(['work', '--redis', redis.url, '--lock', '2', '-j1', '--allow', root, '--metrics', '0', ...args], {
    cwd: root,
  })
const failsWith = (code: string) => ({
  code: 1,
  stderr: expect.stringMatching(new RegExp(`^express-diffiqa: ${code}: `)),
})

/** `enqueue` and `work` alike, and neither repeats what may be a secret. */
async function bothFail(url: string, code: string, ...more: string[]): Promise<void> {
  const enqueued = await cli('enqueue', '--redis', url, ...more, 'one')
  expect(enqueued).toMatchObject(failsWith(code))
  const worked = await cli('work', '--redis', url, ...more, '--allow', root, '--drain')
  expect(worked).toMatchObject(failsWith(code))
  expect(enqueued.stderr + worked.stderr).not.toContain('s3cret')
}

describe('a Redis that cannot be used: a typed error at the start, and nothing in it is changed', () => {
  it('is away', async () => {
    await bothFail(`redis://:s3cret@127.0.0.1:${await freePort()}`, 'redis-unreachable')
  })

  it('wants a password, or another one', async () => {
    await using locked = await RedisServer.open([], 'right')
    await bothFail(locked.url, 'redis-unauthorised')
    await bothFail(locked.url.replace('//', '//:s3cret@'), 'redis-unauthorised')
    expect(await locked.client.keys('*')).toEqual([])
    const right = locked.url.replace('//', '//:right@')
    expect(await cli('enqueue', '--redis', right, 'one')).toMatchObject({ code: 0, stderr: '' })
  })

  it('is read-only', async () => {
    await using replica = await RedisServer.open(['--replicaof', `127.0.0.1 ${redis.port}`])
    await until(async () => /master_link_status:up/.test(await replica.client.info('replication')))
    await bothFail(replica.url, 'redis-read-only')
    expect(await replica.client.keys('*')).toEqual([])
  })

  it('is something else', async () => {
    const web = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1')
    await until(() => web.listening)
    const { port } = web.address() as { port: number }
    await bothFail(`redis://127.0.0.1:${port}`, 'redis-unreachable')
    web.close()
  })

  it('holds a queue of an older version, or of something else', async () => {
    await redis.client.hset('bull:old:diffiqa', 'format', '0')
    await redis.client.rpush('bull:old:wait', 'p1')
    await redis.client.hset('bull:other:meta', 'version', 'bullmq:4.0.0')
    const before = await redis.client.keys('*')
    await bothFail(redis.url, 'queue-incompatible', '--queue', 'old')
    await bothFail(redis.url, 'queue-incompatible', '--queue', 'other')
    expect((await redis.client.keys('*')).sort()).toEqual(before.sort())
    expect(await redis.client.hgetall('bull:old:diffiqa')).toEqual({ format: '0' })
  })

  it('a job that this version does not understand is kept as a failed one, with its code', async () => {
    await cli('enqueue', '--redis', redis.url, 'one')
    const [id] = await redis.client.lrange('bull:diffiqa:wait', 0, -1)
    await redis.client.hset(`bull:diffiqa:${id}`, 'data', JSON.stringify({ format: 0, file: 'one/a.jpg' }))
    expect((await cli('work', '--redis', redis.url, '--allow', root, '--drain', '-j1')).code).toBe(0)
    expect(await redis.client.hget(`bull:diffiqa:${id}`, 'failedReason')).toMatch(/^queue-incompatible: /)
    expect(await cli('enqueue', '--redis', redis.url, '--out', 'odd.jsonl', 'one')).toMatchObject(
      failsWith('queue-incompatible'),
    )
  })

  it.each([
    ['--jobs', '0'],
    ['--jobs', '-1'],
    ['--jobs', 'many'],
    ['--lock', '0'],
    ['--metrics', '99999'],
    ['--queue', 'a:b'],
    ['--redis', 'http://:s3cret@127.0.0.1'],
    ['--allow', '/nowhere'],
    ['--allow', 'http://user:s3cret@127.0.0.1/'],
  ])('work %s %s', async (option, value) => {
    const run = await cli('work', '--redis', redis.url, '--allow', root, '--drain', `${option}=${value}`)
    expect(run).toMatchObject(failsWith('invalid-option'))
    expect(run.stderr).not.toContain('s3cret')
    expect(await redis.client.keys('*')).toEqual([])
  })
})

describe('a worker that cannot work', () => {
  it('without models ends with their code, before it takes a photo', async () => {
    await cli('enqueue', '--redis', redis.url, 'one')
    const run = await cli('work', '--redis', redis.url, '--allow', root, '--models', at('nowhere'), '-j1')
    expect(run).toMatchObject(failsWith('model-missing'))
    expect(await redis.client.llen('bull:diffiqa:wait')).toBe(1)
  })

  it('whose models have gone when the queue is used for something else gives the photo back as it was', async () => {
    cpSync('models', at('models'), {
      recursive: true,
      filter: (path) => !/models\/\w+\/.|models\/(training|evaluation)/.test(path),
    })
    await using work = worker('--models', at('models'))
    const args = ['enqueue', '--redis', redis.url, 'one']
    expect((await cli(...args, '--out', 'first.jsonl')).code).toBe(0)
    rmSync(at('models'), { recursive: true })
    expect((await cli(...args, '--policy', 'strict')).code).toBe(0)
    expect(await work.ended()).toBe(1)
    expect(work.stderr).toMatch(/express-diffiqa: model-missing: /)
    const [id] = await redis.client.lrange('bull:diffiqa:wait', 0, -1)
    expect(await redis.client.hget(`bull:diffiqa:${id}`, 'atm')).toBeNull()
    await using _healthy = worker()
    expect((await cli(...args, '--policy', 'strict', '--out', 'second.jsonl')).code).toBe(0)
    expect(readResults(at('second.jsonl'))).toMatchObject([{ failed: false, decision: expect.any(String) }])
  })

  it('a photo that takes its worker with it again and again fails with a code', async () => {
    // Stands for a photo that kills: its store never answers, and each worker that has it is killed.
    const store = createServer(() => {}).listen(0, '127.0.0.1')
    await until(() => store.listening)
    const origin = `http://127.0.0.1:${(store.address() as { port: number }).port}`
    writeFileSync(at('deadly.txt'), `${origin}/deadly.jpg\n`)
    const collecting = cli('enqueue', '--redis', redis.url, '--out', 'deadly.jsonl', 'deadly.txt')
    const isFailed = () => redis.client.zcard('bull:diffiqa:failed').then((count) => count === 1)
    let last: string | null = null
    const begunAgain = async (): Promise<boolean> => {
      const [id] = await redis.client.lrange('bull:diffiqa:active', 0, -1)
      const begun = id === undefined ? null : await redis.client.hget(`bull:diffiqa:${id}`, 'processedOn')
      if (begun === null || begun === last) return false
      last = begun
      return true
    }
    for (let victims = 0; !(await isFailed()); victims++) {
      expect(victims).toBeLessThan(8)
      await using victim = worker('--lock', '1', '--allow', origin)
      await until(async () => (await isFailed()) || (await begunAgain()))
      await victim.end('SIGKILL')
    }
    const { code } = await collecting
    expect(code).toBe(2)
    expect(readResults(at('deadly.jsonl'))).toMatchObject([{ failed: true, error: { code: 'worker-crashed' } }])
    store.closeAllConnections()
    store.close()
  })
})

describe('a Redis that fails at work', () => {
  it('gone and back: the worker waits, and every photo has its line', async () => {
    await manyPhotos(at('gone'), 80)
    await using work = worker()
    const collecting = cli('enqueue', '--redis', redis.url, '--out', 'gone.jsonl', 'gone')
    await until(async () => (await work.series().catch(() => ({}))) !== undefined && resultLines('gone.jsonl') > 5)
    const before = await work.series()
    expect(before).toMatchObject({ diffiqa_bulk_redis_up: 1 })
    await redis.kill()
    await until(async () => (await work.series()).diffiqa_bulk_redis_up === 0)
    await redis.start()
    const back = performance.now()
    await until(async () => (await work.series()).diffiqa_bulk_redis_up === 1)
    // ioredis tries again every two seconds at most.
    expect(performance.now() - back).toBeLessThan(10_000)
    const { code, stderr } = await collecting
    expect([code, stderr]).toEqual([0, ''])
    const lines = readResults(at('gone.jsonl'))
    expect(lines).toHaveLength(80)
    expect(new Set(lines.map(({ file }) => file)).size).toBe(80)
    const after = await work.series()
    const errors = 'diffiqa_bulk_redis_errors_total{code="redis-unreachable"}'
    expect(after[errors]).toBeGreaterThan(before[errors] as number)
    expect(after['diffiqa_bulk_photos_total{outcome="judged"}']).toBeGreaterThan(
      before['diffiqa_bulk_photos_total{outcome="judged"}'] as number,
    )
  })

  it('gone for good: the command that collects ends with its code, and can be given again', async () => {
    await manyPhotos(at('lost'), 20)
    await using lost = await RedisServer.open()
    await using collecting = new BulkProcess(['enqueue', '--redis', lost.url, '--out', 'lost.jsonl', 'lost'], {
      cwd: root,
    })
    await until(() => lost.client.llen('bull:diffiqa:wait').then((count) => count === 20))
    await lost.kill()
    expect(await collecting.ended()).toBe(1)
    expect(collecting.stderr).toMatch(/^express-diffiqa: redis-unreachable: .*has not answered for 30 s/)
    await lost.start()
    await using _work = new BulkProcess(['work', '--redis', lost.url, '-j1', '--allow', root], { cwd: root })
    expect((await cli('enqueue', '--redis', lost.url, '--out', 'lost.jsonl', 'lost')).code).toBe(0)
    expect(readResults(at('lost.jsonl'))).toHaveLength(20)
  })

  it('slow: nothing fails, nothing is judged twice', async () => {
    await manyPhotos(at('slow'), 40)
    await using work = worker('--lock', '10')
    const collecting = cli('enqueue', '--redis', redis.url, '--out', 'slow.jsonl', 'slow')
    await until(() => resultLines('slow.jsonl') > 2)
    for (let pause = 0; pause < 3; pause++) {
      await redis.client.call('CLIENT', 'PAUSE', '1500', 'ALL')
      await sleep(1700)
    }
    expect((await collecting).code).toBe(0)
    expect(readResults(at('slow.jsonl'))).toHaveLength(40)
    expect(await work.series()).toMatchObject({
      'diffiqa_bulk_photos_total{outcome="judged"}': 40,
      'diffiqa_bulk_photos_total{outcome="failed"}': 0,
    })
  })

  it('full: queueing fails with its code, the worker holds on, and all goes on when there is room', async () => {
    await manyPhotos(at('full'), 60)
    await redis.client.config('SET', 'maxmemory', '1')
    await bothFail(redis.url, 'redis-full', '--queue', 'another')
    await redis.client.config('SET', 'maxmemory', '0')
    await using work = worker()
    const collecting = cli('enqueue', '--redis', redis.url, '--out', 'full.jsonl', 'full')
    try {
      await until(() => resultLines('full.jsonl') > 5)
      await redis.client.config('SET', 'maxmemory', '1')
      const errors = async () => (await work.series())['diffiqa_bulk_redis_errors_total{code="redis-full"}'] as number
      await until(async () => (await errors()) > 0)
      expect(await work.series()).toMatchObject({ diffiqa_bulk_redis_up: 1 })
      await sleep(3000)
    } finally {
      await redis.client.config('SET', 'maxmemory', '0')
    }
    // The collector's own lock is a write, too: it may have ended, with its code.
    const { code, stderr } = await collecting
    if (code !== 0) expect({ code, stderr }).toMatchObject(failsWith('redis-full'))
    expect((await cli('enqueue', '--redis', redis.url, '--out', 'full.jsonl', 'full')).code).toBe(0)
    const lines = readResults(at('full.jsonl'))
    expect(lines).toHaveLength(60)
    expect(new Set(lines.map(({ file }) => file)).size).toBe(60)
    expect(lines.filter(({ failed }) => failed)).toEqual([])
  })

  it('emptied: the photos that are missing are told, and the same command queues them again', async () => {
    await manyPhotos(at('emptied'), 10)
    const args = ['enqueue', '--redis', redis.url, '--out', 'emptied.jsonl', 'emptied']
    const collecting = cli(...args)
    await until(() => redis.client.llen('bull:diffiqa:wait').then((count) => count === 10))
    for (const key of await redis.client.keys('bull:diffiqa:*'))
      if (!key.includes(':diffiqa:diffiqa')) await redis.client.del(key)
    expect(await collecting).toMatchObject(failsWith('jobs-lost'))
    await using _work = worker()
    expect((await cli(...args)).code).toBe(0)
    expect(readResults(at('emptied.jsonl'))).toHaveLength(10)
  })
})

const resultLines = (file: string): number => {
  try {
    return readFileSync(at(file), 'utf8').split('\n').length - 1
  } catch {
    return 0
  }
}

describe('the disk of the results is full', () => {
  it('whole lines only, a code, nothing lost in Redis, and the same command goes on', async () => {
    await manyPhotos(at('disk'), 60)
    await cli('enqueue', '--redis', redis.url, 'disk')
    await using work = worker()
    await until(async () => (await work.series())['diffiqa_bulk_photos_total{outcome="judged"}'] === 60)
    // A limit of 40 KiB on the file instead of a disk: the system answers in the same way, in the middle of a line.
    const limited = ['bash', '-c', 'trap "" XFSZ; ulimit -f 40; exec "$@"', 'bash']
    await using first = new BulkProcess(['enqueue', '--redis', redis.url, '--out', 'disk.jsonl', 'disk'], {
      cwd: root,
      launcher: limited,
    })
    expect(await first.ended()).toBe(1)
    expect(first.stderr).toMatch(/^express-diffiqa: results-unwritable: disk.jsonl cannot be written \(E(FBIG|NOSPC)\)/)
    const written = resultLines('disk.jsonl')
    expect(readFileSync(at('disk.jsonl')).at(-1) ?? 0x0a).toBe(0x0a)
    // Each photo is in the file or waits in Redis, none in both or neither.
    expect(await work.series()).toMatchObject({ 'diffiqa_bulk_jobs{state="completed"}': 60 - written })
    expect((await cli('enqueue', '--redis', redis.url, '--out', 'disk.jsonl', 'disk')).code).toBe(0)
    expect(readResults(at('disk.jsonl'))).toHaveLength(60)
    expect(await work.series()).toMatchObject({
      'diffiqa_bulk_photos_total{outcome="judged"}': 60,
      'diffiqa_bulk_jobs{state="completed"}': 0,
    })
  })

  it('a real one of 64 KiB', async () => {
    const disk = at('small-disk')
    mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'pipe' })
    } catch {
      // Only root may; the limit above asks the same of the program.
      expect(process.getuid?.()).toBeGreaterThan(0)
      return
    }
    try {
      await manyPhotos(at('real'), 60)
      await cli('enqueue', '--redis', redis.url, 'real')
      await using work = worker()
      await until(async () => (await work.series())['diffiqa_bulk_photos_total{outcome="judged"}'] === 60)
      const args = ['enqueue', '--redis', redis.url, '--out', join(disk, 'r.jsonl'), 'real']
      expect(await cli(...args)).toMatchObject(failsWith('results-unwritable'))
      execFileSync('mount', ['-o', 'remount,size=1m', disk])
      expect((await cli(...args)).code).toBe(0)
      expect(readResults(join(disk, 'r.jsonl'))).toHaveLength(60)
    } finally {
      execFileSync('umount', [disk])
    }
  })
})
