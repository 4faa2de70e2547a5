import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseCsv } from '../../src/evaluation/csv.ts'
import { jsonLines, runCli } from '../cli/run-cli.ts'
import { BulkProcess, manyPhotos, outcomes, readResults, smallFace, until } from './bulk-cli.ts'
import { RedisServer } from './redis-server.ts'

vi.setConfig({ testTimeout: 240_000 })

let redis: RedisServer
let root: string
beforeAll(async () => {
  redis = await RedisServer.open()
})
afterAll(() => redis[Symbol.asyncDispose]())
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'diffiqa-bulk-'))
  await redis.client.flushall()
})
afterEach(() => rmSync(root, { recursive: true }))

const at = (...steps: string[]): string => join(root, ...steps)
const put = (path: string, bytes: Uint8Array | string): void => {
  mkdirSync(at(path, '..'), { recursive: true })
  writeFileSync(at(path), bytes)
}
const cli = (...args: string[]) => runCli(args, { cwd: root })
const enqueue = (...args: string[]) => cli('enqueue', '--redis', redis.url, ...args)
const worker = (...args: string[]) =>
  new BulkProcess(['work', '--redis', redis.url, '--lock', '2', '-j1', '--allow', root, ...args], { cwd: root })
const drain = async (...args: string[]): Promise<void> => {
  await using work = worker('--drain', ...args)
  expect([await work.ended(), work.stderr]).toEqual([0, expect.any(String)])
}

describe('many photos and several workers', () => {
  it('2,000 photos, one of two workers killed in the middle: exactly 2,000 lines', async () => {
    const count = 2000
    await manyPhotos(at('many'), count)
    await using collecting = new BulkProcess(['enqueue', '--redis', redis.url, '--out', 'many.jsonl', 'many'], {
      cwd: root,
    })
    await using first = worker()
    await using second = worker()
    const lines = (): number => readFileSync(at('many.jsonl'), 'utf8').split('\n').length - 1
    await until(() => existing('many.jsonl') && lines() > 300)
    await first.end('SIGKILL')
    expect(lines()).toBeLessThan(count)
    expect(await redis.client.llen('bull:diffiqa:active')).toBeGreaterThan(0)
    expect(await collecting.ended()).toBe(0)
    await second.end('SIGTERM')
    expect(await second.ended()).toBe(143)
    const results = readResults(at('many.jsonl'))
    expect(results).toHaveLength(count)
    expect(new Set(results.map(({ file }) => file)).size).toBe(count)
    expect(results.filter(({ failed, decision }) => failed || decision !== 'accept')).toEqual([])
    // The same photo has the same score, whoever judged it.
    const scores = [0, 1, 2].map((source) =>
      results.filter(({ file }) => Number(basename(file, '.jpg')) % 3 === source),
    )
    for (const same of scores) expect(new Set(same.map(({ score }) => score)).size).toBe(1)
    expect(await redis.client.keys('bull:diffiqa:p*')).toEqual([])
    expect(collecting.stdout).toMatch(/Results +2000\n/)
  })

  it('the command that collects, killed and given again, goes on; given once more it does nothing', async () => {
    await manyPhotos(at('again'), 120)
    const args = ['enqueue', '--redis', redis.url, '--out', 'again.csv', 'again']
    await using work = worker()
    await using killed = new BulkProcess(args, { cwd: root })
    await until(() => existing('again.csv') && readFileSync(at('again.csv')).length > 20_000)
    await killed.end('SIGKILL')
    // Cut off in the middle of a line, as by a power cut.
    writeFileSync(at('again.csv'), readFileSync(at('again.csv')).subarray(0, -100))
    const next = await cli(...args)
    expect([next.code, next.stderr]).toEqual([0, ''])
    const [header = [], ...rows] = parseCsv(readFileSync(at('again.csv'), 'utf8'))
    const file = header.indexOf('file')
    // The line that was cut off had left the queue already: it is queued and judged again.
    expect(rows).toHaveLength(120)
    expect(new Set(rows.map((row) => row[file])).size).toBe(120)
    expect(rows.every((row) => row.length === header.length)).toBe(true)
    const before = readFileSync(at('again.csv'), 'utf8')
    await work.end('SIGKILL')
    expect((await cli(...args)).code).toBe(0)
    expect(readFileSync(at('again.csv'), 'utf8')).toBe(before)
  })

  it('queued twice is judged once; a photo that has changed is judged again and has one line', async () => {
    put('twice/a.jpg', await smallFace('a'))
    put('twice/c.jpg', await smallFace('c'))
    expect((await enqueue('twice')).code).toBe(0)
    expect((await enqueue('twice')).code).toBe(0)
    expect(await redis.client.llen('bull:diffiqa:wait')).toBe(2)
    await drain()
    expect((await enqueue('twice', '--out', 'twice.jsonl')).code).toBe(0)
    put('twice/c.jpg', 'no photo any more')
    await using _work = worker()
    expect((await enqueue('twice', '--out', 'twice.jsonl')).code).toBe(0)
    expect(outcomes(readResults(at('twice.jsonl')))).toEqual({
      'twice/a.jpg': 'accept',
      'twice/c.jpg': 'unsupported-media-type',
    })
    expect(readResults(at('twice.jsonl'))).toHaveLength(2)
  })

  it('a second collector is refused while the first is at work', async () => {
    put('busy/a.jpg', await smallFace('a'))
    await using _first = new BulkProcess(['enqueue', '--redis', redis.url, '--out', 'busy.jsonl', 'busy'], {
      cwd: root,
    })
    await until(() => redis.client.exists('bull:diffiqa:diffiqa:collector').then(Boolean))
    const { code, stderr } = await enqueue('--out', 'other.jsonl', 'busy')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^express-diffiqa: queue-busy: /)])
  })

  it('a queue is for one task at a time', async () => {
    put('task/a.jpg', await smallFace('a'))
    await enqueue('task')
    expect(await enqueue('task', '--full')).toMatchObject({ code: 1, stderr: expect.stringMatching(/: queue-busy: /) })
    expect((await enqueue('task', '--full', '--queue', 'full')).code).toBe(0)
  })

  it('SIGTERM ends a worker after the photos it has, and none is lost', async () => {
    await manyPhotos(at('term'), 60)
    await enqueue('term')
    await using work = worker()
    await until(async () => (await redis.client.zcard('bull:diffiqa:completed')) > 5)
    await work.end('SIGTERM')
    expect([await work.ended(), work.stderr]).toEqual([143, expect.stringMatching(/stopped after \d+ photos/)])
    expect(await redis.client.llen('bull:diffiqa:active')).toBe(0)
    await drain()
    expect((await enqueue('term', '--out', 'term.jsonl')).code).toBe(0)
    expect(readResults(at('term.jsonl'))).toHaveLength(60)
  })
})

const existing = (path: string): boolean => {
  try {
    return readFileSync(at(path)).length > 0
  } catch {
    return false
  }
}

describe('lists', () => {
  it('with missing, duplicate, non-image and unreadable files, ../ and links out: a line and a code for each', async () => {
    put('list/photos/good.jpg', await smallFace('a'))
    put('list/photos/text.jpg', 'no photo')
    put('list/photos/empty.jpg', '')
    put('list/outside/secret.jpg', await smallFace('c'))
    mkdirSync(at('list/photos/folder.jpg'))
    symlinkSync('loop.jpg', at('list/photos/loop.jpg'))
    symlinkSync('../outside/secret.jpg', at('list/photos/link.jpg'))
    symlinkSync('../outside', at('list/photos/way'))
    symlinkSync('good.jpg', at('list/photos/inside.jpg'))
    const names = ['good', 'text', 'empty', 'folder', 'loop', 'link', 'inside', 'missing'].map(
      (name) => `photos/${name}.jpg`,
    )
    const elsewhere = ['photos/../outside/secret.jpg', 'photos/way/secret.jpg', '/etc/hostname', '/nowhere/x.jpg']
    put('list/all.txt', [...names, ...elsewhere, 'photos/good.jpg', './photos/text.jpg', ''].join('\n'))

    await using _work = worker('--allow', at('list/photos'))
    await using work = new BulkProcess(
      ['work', '--redis', redis.url, '--queue', 'list', '-j1', '--allow', at('list/photos'), '--metrics', '0'],
      { cwd: root },
    )
    const args = ['--queue', 'list', '--attempts', '2', '--out', 'list.jsonl', 'list/all.txt']
    const { code, stdout } = await enqueue(...args)
    expect(code).toBe(2)
    expect(stdout).toMatch(/Results +12\n/)
    expect(stdout).toMatch(/Named twice, taken once +2\n/)
    const lines = readResults(at('list.jsonl'))
    expect(lines).toHaveLength(12)
    const expected = {
      'photos/good.jpg': 'accept',
      'photos/inside.jpg': 'accept',
      'photos/text.jpg': 'unsupported-media-type',
      'photos/empty.jpg': 'empty-body',
      'photos/folder.jpg': 'file-unreadable',
      'photos/loop.jpg': 'file-unreadable',
      'photos/missing.jpg': 'file-not-found',
      'photos/link.jpg': 'photo-not-allowed',
      'photos/../outside/secret.jpg': 'photo-not-allowed',
      'photos/way/secret.jpg': 'photo-not-allowed',
      '/etc/hostname': 'photo-not-allowed',
      // Not even found out to be missing.
      '/nowhere/x.jpg': 'photo-not-allowed',
    }
    expect(outcomes(lines)).toEqual(expected)

    // Failed ones are kept with their code …
    const failed = await redis.client.zrange('bull:list:failed', 0, -1)
    const reasons = await Promise.all(failed.map((id) => redis.client.hget(`bull:list:${id}`, 'failedReason')))
    expect(reasons.map((reason) => reason?.split(':')[0]).sort()).toEqual(
      [...Array(2).fill('file-unreadable'), 'file-not-found', ...Array(5).fill('photo-not-allowed')].sort(),
    )
    const series = await work.series()
    expect(series).toMatchObject({
      'diffiqa_bulk_jobs{state="failed"}': 8,
      'diffiqa_bulk_photos_total{outcome="judged"}': 4,
      'diffiqa_bulk_photos_total{outcome="failed"}': 8,
      'diffiqa_bulk_photos_total{outcome="retried"}': 2,
      diffiqa_bulk_redis_up: 1,
    })

    // … and run again when asked to.
    put('list/photos/missing.jpg', await smallFace('f'))
    rmSync(at('list/photos/loop.jpg'))
    put('list/photos/loop.jpg', await smallFace('c'))
    expect((await enqueue(...args, '--retry')).code).toBe(2)
    const mended = readResults(at('list.jsonl'))
    expect(mended).toHaveLength(12)
    expect(outcomes(mended)).toEqual({ ...expected, 'photos/missing.jpg': 'accept', 'photos/loop.jpg': 'accept' })
    await work.end('SIGTERM')
  })

  it.each([
    ['is missing', ['nowhere.txt'], /invalid-option: nowhere.txt cannot be read/],
    ['is a photo', ['photo.jpg'], /invalid-option: photo.jpg is neither a folder nor a list/],
    ['has no column file', ['wrong.csv'], /invalid-option: wrong.csv needs a header line with file/],
    ['has an address that is none', ['address.txt'], /invalid-option: address.txt: http:\/\/\[/],
  ])('that %s is refused', async (_, args, message) => {
    put('photo.jpg', await smallFace('a'))
    put('wrong.csv', 'photo\na.jpg\n')
    put('address.txt', 'http://[\n')
    expect(await enqueue(...args)).toMatchObject({ code: 1, stderr: expect.stringMatching(message) })
    expect(await redis.client.llen('bull:diffiqa:wait')).toBe(0)
  })
})

describe('photos of an object store', () => {
  it('are fetched below the allowed address only; redirects are not followed; failures are tried again', async () => {
    const photo = await smallFace('a')
    const asked: string[] = []
    const store = createServer((request, response) => {
      const path = request.url ?? ''
      asked.push(path)
      if (path === '/photos/moved.jpg') response.writeHead(302, { location: '/photos/good.jpg' }).end()
      else if (path === '/photos/gone.jpg') response.writeHead(404).end()
      else if (path === '/photos/secret.jpg') response.writeHead(403).end()
      else if (path === '/photos/down.jpg') response.writeHead(503).end()
      else if (path === '/photos/shaky.jpg' && asked.filter((one) => one === path).length < 3) request.socket.destroy()
      else response.end(photo)
    }).listen(0, '127.0.0.1')
    await until(() => store.listening)
    const origin = `http://127.0.0.1:${(store.address() as { port: number }).port}`
    const inside = ['good', 'moved', 'gone', 'secret', 'down', 'shaky'].map((name) => `${origin}/photos/${name}.jpg`)
    const outside = [
      `${origin}/other/x.jpg`,
      `${origin}/photos/../other/y.jpg`,
      `${origin}/photos/%2e%2e/other/z.jpg`,
      `${origin}/photos/..%2fother/v.jpg`,
      `${origin}/photos-of-others/w.jpg`,
      'http://127.0.0.1:1/photos/u.jpg',
    ]
    put('store.txt', [...inside, ...outside].join('\n'))
    await using _work = worker('--allow', `${origin}/photos`)
    try {
      expect((await enqueue('--out', 'store.jsonl', 'store.txt')).code).toBe(2)
    } finally {
      store.close()
    }
    expect(outcomes(readResults(at('store.jsonl')))).toEqual({
      ...Object.fromEntries(outside.map((file) => [file, 'photo-not-allowed'])),
      [`${origin}/photos/good.jpg`]: 'accept',
      [`${origin}/photos/shaky.jpg`]: 'accept',
      [`${origin}/photos/moved.jpg`]: 'photo-not-allowed',
      [`${origin}/photos/gone.jpg`]: 'file-not-found',
      [`${origin}/photos/secret.jpg`]: 'file-unreadable',
      [`${origin}/photos/down.jpg`]: 'photo-unreachable',
    })
    expect(asked.filter((path) => !path.startsWith('/photos/'))).toEqual([])
    expect(asked.filter((path) => path === '/photos/down.jpg')).toHaveLength(3)
    expect(asked.filter((path) => path === '/photos/good.jpg')).toHaveLength(1)
  })
})

describe('an audit', () => {
  it('by workers is one that "audit" reports on without looking at a photo', async () => {
    put('people/ada/1.jpg', await smallFace('a'))
    put('people/cleo/1.jpg', await smallFace('c'))
    put('people/cleo/2.jpg', 'no photo')
    await using _work = worker()
    const args = ['--audit', '--out', 'report/audit.jsonl', 'people']
    mkdirSync(at('report'))
    expect((await enqueue(...args)).code).toBe(0)
    const lines = readFileSync(at('report/audit.jsonl'), 'utf8')
    expect(jsonLines(lines)).toHaveLength(3)
    const plain = await cli('audit', 'people', '--out', 'report', '--json')
    // Nothing was judged anew: the lines in the file are those of the workers still.
    const kept = jsonLines(readFileSync(at('report/audit.jsonl'), 'utf8'))
    expect(kept.map(({ id }) => id).sort()).toEqual(
      jsonLines(lines)
        .map(({ id }) => id)
        .sort(),
    )
    expect(plain.code).toBe(0)
    const alone = await cli('audit', 'people', '--json')
    expect([alone.code, alone.stderr]).toEqual([0, ''])
    const facts = (text: string) =>
      jsonLines(text).map(({ file, action, decision, score }) => ({ file, action, decision, score }))
    expect(facts(plain.stdout)).toEqual(facts(alone.stdout))
    expect(facts(plain.stdout).map(({ action }) => action)).toContain('remove')
  })
})

describe('privacy', () => {
  it('neither pixels nor embeddings nor metadata of a photo pass through Redis', async () => {
    const canary = 'canary-of-the-photo'
    const photo = Buffer.concat([await smallFace('f'), Buffer.from(canary)])
    put('private/f.jpg', photo)
    await enqueue('private')
    await drain()
    const monitor: string[] = []
    for (const key of await redis.client.keys('*')) {
      const dump = (await redis.client.callBuffer('DUMP', key)) as Buffer
      monitor.push(dump.toString('latin1'))
      if ((await redis.client.type(key)) === 'hash') monitor.push(JSON.stringify(await redis.client.hgetall(key)))
    }
    const everything = monitor.join('\n')
    const pieces = [canary, Buffer.from(canary).toString('base64').slice(0, 20), Buffer.from(canary).toString('hex')]
    const middle = photo.subarray(3000, 3030)
    pieces.push(middle.toString('latin1'), middle.toString('base64').slice(4, 36), middle.toString('hex'))
    pieces.push(createHash('sha256').update(photo).digest('hex'))
    for (const piece of pieces) expect(everything.includes(piece)).toBe(false)
    const [id] = await redis.client.zrange('bull:diffiqa:completed', 0, -1)
    const value = JSON.parse((await redis.client.hget(`bull:diffiqa:${id}`, 'returnvalue')) as string)
    const lengths = (one: unknown): number[] =>
      Array.isArray(one)
        ? [one.length, ...one.flatMap(lengths)]
        : one !== null && typeof one === 'object'
          ? Object.values(one).flatMap(lengths)
          : []
    expect(Math.max(...lengths(value))).toBeLessThanOrEqual(8)
  })
})
