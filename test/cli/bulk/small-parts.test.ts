import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { Registry } from 'prom-client'
import { afterAll, describe, expect, it } from 'vitest'
import { AllowedPlaces } from '../../../src/cli/bulk/allowed-places.ts'
import { bulkPhotos } from '../../../src/cli/bulk/bulk-inputs.ts'
import { BulkMetrics } from '../../../src/cli/bulk/bulk-metrics.ts'
import { type BulkTask, photoId } from '../../../src/cli/bulk/bulk-task.ts'
import { parseEnqueueOptions } from '../../../src/cli/bulk/enqueue-options.ts'
import { failedProblem, failedText } from '../../../src/cli/bulk/job-problem.ts'
import { JobFailure } from '../../../src/cli/bulk/judge-job.ts'
import { parseMetricsAddress } from '../../../src/cli/bulk/metrics-server.ts'
import { parseRedisUrl } from '../../../src/cli/bulk/redis-client.ts'
import { codeOf, redisError } from '../../../src/cli/bulk/redis-error.ts'
import { parseWorkOptions } from '../../../src/cli/bulk/work-options.ts'
import { UsageError } from '../../../src/cli/usage-error.ts'

const root = mkdtempSync(join(tmpdir(), 'diffiqa-parts-'))
afterAll(() => rmSync(root, { recursive: true }))
mkdirSync(join(root, 'in/deep'), { recursive: true })
mkdirSync(join(root, 'inside-not'))
writeFileSync(join(root, 'in/deep/a.jpg'), 'a')
writeFileSync(join(root, 'inside-not/b.jpg'), 'b')
symlinkSync(join(root, 'in'), join(root, 'alias'))

const TASK: BulkTask = { kind: 'score', full: false, policy: 'balanced', purpose: 'probe', preset: 'tuned' }
const all = async (inputs: string[], kind: BulkTask['kind'] = 'score') => {
  const photos = []
  for await (const photo of bulkPhotos(inputs, { kind })) photos.push(photo)
  return photos
}

describe('the places a worker may read', () => {
  const read = async (prefix: string, place: string) =>
    Buffer.from(await (await AllowedPlaces.open([prefix])).read(place)).toString()

  it('are those below a prefix, however it and they are written', async () => {
    const place = join(root, 'in/deep/a.jpg')
    for (const prefix of ['in', 'in/', 'alias', 'in/deep/../../in', '.'])
      expect(await read(join(root, prefix), place)).toBe('a')
    expect(await read('/', place)).toBe('a')
    expect(await read(join(root, 'alias'), join(root, 'alias/deep/a.jpg'))).toBe('a')
  })

  it.each([
    'inside-not/b.jpg',
    'in/../inside-not/b.jpg',
    'in/deep/../../inside-not/b.jpg',
    'in',
    'in/..',
    '',
    'nowhere',
  ])('are not %s', async (place) => {
    await expect(read(join(root, 'in'), `${root}/${place}`)).rejects.toMatchObject({ code: 'photo-not-allowed' })
  })

  it('no address outside of the prefix gets as far as the network', async () => {
    const places = await AllowedPlaces.open(['http://127.0.0.1:1/photos/'])
    const step = fc.constantFrom('..', '.', '%2e%2e', '%2E.', '%252e%252e', '..%2f', '..%5c', 'x', 'photos', '%', '')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const place = `http://127.0.0.1:1/photos/${steps.join('/')}`
        const { code } = await places.read(place).then(
          () => ({ code: 'read' }),
          (error) => error,
        )
        // Nobody listens at port 1: what is allowed is told to be unreachable.
        const climbs = steps.some((one) => /^(\.|%2e|%252e)+(%2f|%5c)?$/i.test(one) || one === '%')
        if (!climbs) expect(code).toBe('photo-unreachable')
        else expect(['photo-not-allowed', 'photo-unreachable']).toContain(code)
        if (!new URL(place).pathname.startsWith('/photos/')) expect(code).toBe('photo-not-allowed')
      }),
      { numRuns: 100 },
    )
    for (const place of [
      'https://127.0.0.1:1/photos/a',
      'http://127.0.0.1:2/photos/a',
      'http://u:p@127.0.0.1:1/photos/a',
    ])
      await expect(places.read(place)).rejects.toMatchObject({ code: 'photo-not-allowed' })
  })

  it.each(['/nowhere', join(root, 'in/deep/a.jpg'), 'http://', 'https://user@host/', 'https://host/?a=b'])(
    'cannot be named %s',
    async (prefix) => {
      await expect(AllowedPlaces.open([prefix])).rejects.toBeInstanceOf(UsageError)
    },
  )
})

describe('inputs', () => {
  it('of a list are found from its own folder, whatever its line ends', async () => {
    const list = join(root, 'list.txt')
    writeFileSync(list, '\uFEFFin/deep/a.jpg\r\n\n  https://host/a b.jpg  \r\n/abs.jpg')
    expect((await all([list])).map(({ file, path }) => [file, path])).toEqual([
      ['in/deep/a.jpg', join(root, 'in/deep/a.jpg')],
      ['https://host/a b.jpg', 'https://host/a%20b.jpg'],
      ['/abs.jpg', '/abs.jpg'],
    ])
  })

  it('of an audit have the people of a folder or a list', async () => {
    const list = join(root, 'people.csv')
    writeFileSync(list, 'subject,file,quality\nAda,in/deep/a.jpg,\nBo,,0.5\n')
    expect(await all([list], 'audit')).toMatchObject([
      { subject: 'Ada', file: 'in/deep/a.jpg', quality: null },
      { subject: 'Bo', file: null, path: null, quality: 0.5 },
    ])
    expect(await all([join(root, 'in')], 'audit')).toMatchObject([{ subject: 'deep' }])
    writeFileSync(list, 'subject,file,quality\n,a.jpg,\n')
    await expect(all([list], 'audit')).rejects.toThrow(/no subject/)
    writeFileSync(list, 'subject,file,quality\nBo,,7\n')
    await expect(all([list], 'audit')).rejects.toThrow(/from 0 to 1/)
  })

  it('the id of a photo depends on its place alone; in an audit on the person, too', () => {
    const [one, same, other] = [
      { path: '/a.jpg', subject: '' },
      { path: '/a.jpg', subject: 'Ada' },
      { path: '/b.jpg', subject: '' },
    ] as const
    expect(photoId(one, TASK)).toBe(photoId(same, TASK))
    expect(photoId(one, TASK)).not.toBe(photoId(other, TASK))
    expect(photoId(one, { ...TASK, kind: 'audit' })).not.toBe(photoId(same, { ...TASK, kind: 'audit' }))
    expect(photoId(one, TASK)).toMatch(/^p[0-9a-f]{32}$/)
  })
})

describe('options', () => {
  const redis = ['--redis', 'redis://:s3cret@host']

  it('have defaults', () => {
    expect(parseEnqueueOptions([...redis, 'photos'])).toMatchObject({
      redis: { server: 'host:6379' },
      queue: 'diffiqa',
      attempts: 3,
      format: 'json',
      task: TASK,
    })
    expect(parseEnqueueOptions([...redis, '--out', 'R.CSV'])).toMatchObject({ format: 'csv', inputs: [] })
    expect(parseWorkOptions([...redis, '--allow', 'a', '--allow', 'b'])).toMatchObject({
      allow: ['a', 'b'],
      lockMs: 30_000,
    })
    expect(parseEnqueueOptions(['--help'])).toBeUndefined()
  })

  it.each([
    [[...redis]],
    [['photos', '--redis', 'nonsense']],
    [['photos', '--redis', 'http://:s3cret@host']],
    [[...redis, 'photos', '--attempts', '0']],
    [[...redis, 'photos', '--preset', 'paper']],
    [[...redis, 'photos', '--audit', '--purpose', 'probe']],
    [[...redis, 'photos', '--queue', 'a b']],
    [[...redis, 'photos', '--metrics', '70000']],
    [[...redis, '']],
  ])('enqueue %j is wrong use, and is told without secrets', (args) => {
    let thrown: unknown
    try {
      parseEnqueueOptions(args)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(UsageError)
    expect(thrown).toMatchObject({ code: 'invalid-option', message: expect.not.stringContaining('s3cret') })
  })

  it.each([
    [[...redis]],
    [[...redis, '--allow', 'a', 'photos']],
    ...['0', '-1', '1.5', 'x', '256'].map((jobs) => [[...redis, '--allow', 'a', `--jobs=${jobs}`]]),
    [[...redis, '--allow', 'a', '--lock', '0']],
  ])('work %j is wrong use', (args) => {
    expect(() => parseWorkOptions(args)).toThrow(UsageError)
  })

  it('an address of metrics is a port, or a host and a port', () => {
    expect(parseMetricsAddress('9464')).toEqual({ host: '127.0.0.1', port: 9464 })
    expect(parseMetricsAddress('0.0.0.0:1')).toEqual({ host: '0.0.0.0', port: 1 })
    expect(parseMetricsAddress('[::1]:2')).toEqual({ host: '::1', port: 2 })
    expect(() => parseMetricsAddress('host')).toThrow(UsageError)
  })

  it('a Redis has the usual port', () => {
    expect(parseRedisUrl('rediss://user:pw@redis.internal/3').server).toBe('redis.internal:6379')
  })
})

describe('errors of Redis', () => {
  const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' })
  it.each([
    [reply('NOAUTH Authentication required.'), 'redis-unauthorised'],
    [reply('WRONGPASS invalid username-password pair or user is disabled.'), 'redis-unauthorised'],
    [reply("NOPERM this user has no permissions to run the 'set' command"), 'redis-unauthorised'],
    [reply("READONLY You can't write against a read only replica."), 'redis-read-only'],
    [reply('MISCONF Redis is configured to save RDB snapshots, but …'), 'redis-read-only'],
    [reply("OOM command not allowed when used memory > 'maxmemory'."), 'redis-full'],
    [reply('LOADING Redis is loading the dataset in memory'), 'redis-unreachable'],
    [reply("ERR unknown command 'EVALSHA'"), 'redis-refused'],
    [
      Object.assign(reply('EXECABORT Transaction discarded'), { previousErrors: [reply('OOM command …')] }),
      'redis-full',
    ],
    [Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), 'redis-unreachable'],
    ['nonsense', 'redis-unreachable'],
  ])('%s is %s', (error, code) => {
    expect(codeOf(error)).toBe(code)
    expect(redisError(error, 'host:1')).toMatchObject({
      code,
      message: expect.stringContaining('host:1'),
      cause: error,
    })
    expect(codeOf(redisError(error, 'host:1'))).toBe(code)
  })
})

describe('failed jobs', () => {
  it('keep code and message', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('file-not-found', 'aborted', 'photo-not-allowed', 'no-photo'),
        fc.string(),
        (code, message) => {
          expect(failedProblem(failedText({ code: code as 'aborted', message }))).toEqual({ code, message })
        },
      ),
    )
  })

  it('of which BullMQ gave the reason have a code as well', () => {
    expect(failedProblem('job stalled more than allowable limit').code).toBe('worker-crashed')
    expect(failedProblem('Missing lock for job 7. moveToFinished').code).toBe('scoring-failed')
  })

  it('are tried again where that may help', () => {
    const retryable = (code: string) => new JobFailure({ code: code as 'aborted', message: '' }).retryable
    expect(
      ['worker-crashed', 'photo-unreachable', 'file-unreadable', 'deadline-exceeded'].map(retryable),
    ).not.toContain(false)
    expect(['file-not-found', 'photo-not-allowed', 'scoring-failed', 'no-photo'].map(retryable)).not.toContain(true)
  })
})

describe('metrics', () => {
  const counts = { waiting: 5, active: 1, delayed: 0, completed: 2, failed: 3 }

  it('ask Redis once for a scrape, and live without an answer', async () => {
    let asked = 0
    let answer: () => Promise<typeof counts> = async () => counts
    const metrics = new BulkMetrics(
      {
        counts: () => {
          asked++
          return answer()
        },
      },
      new Registry(),
    )
    metrics.photo('judged')
    metrics.result('failed')
    metrics.redisFailed(new Error('OOM'))
    const text = await metrics.register.metrics()
    expect(asked).toBe(1)
    for (const row of [
      'bulk_jobs{state="waiting"} 5',
      'bulk_redis_up 1',
      'bulk_photos_total{outcome="judged"} 1',
      'bulk_results_total{outcome="failed"} 1',
      'bulk_redis_errors_total{code="redis-full"} 1',
    ])
      expect(text).toContain(`diffiqa_${row}\n`)
    answer = () => new Promise(() => {})
    const without = await metrics.register.metrics()
    expect(without).toContain('diffiqa_bulk_redis_up 0\n')
    expect(without).not.toContain('bulk_jobs{')
  })

  it('are those of docs/bulk.md', async () => {
    const { readFileSync } = await import('node:fs')
    const text = readFileSync(new URL('../../../docs/bulk.md', import.meta.url), 'utf8')
    const documented = Array.from(
      text.matchAll(/^\| `(diffiqa_bulk_\w+)` \| (\w+) \| (.*?) \| (.+) \|$/gm),
      ([, ...cells]) => cells,
    )
    const told = (await new BulkMetrics({ counts: async () => counts }).register.getMetricsAsJSON()).map(
      ({ name, type, help, values }) => [name, type, Object.keys(values[0]?.labels ?? {}).join(), help],
    )
    expect(documented.toSorted()).toEqual(told.toSorted())
  })
})

describe('without the packages that speak to Redis', () => {
  it.each(['bullmq', 'ioredis'])('%s missing: a code that says what to install', async (missing) => {
    const home = mkdtempSync(join(root, 'home-'))
    cpSync('dist', join(home, 'dist'), { recursive: true })
    cpSync('package.json', join(home, 'package.json'))
    mkdirSync(join(home, 'node_modules'))
    for (const name of ['prom-client', 'bullmq', 'ioredis'])
      if (name !== missing) symlinkSync(resolve('node_modules', name), join(home, 'node_modules', name))
    const args = ['enqueue', '--redis', 'redis://127.0.0.1:1', root]
    const run = spawnSync(process.execPath, [join(home, 'dist/cli.js'), ...args], { encoding: 'utf8' })
    expect([run.status, run.stderr]).toEqual([
      1,
      expect.stringMatching(/^express-diffiqa: redis-client-missing: .*npm install bullmq ioredis\n$/),
    ])
  })
})
