import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { DiffiqaError } from '../../src/errors.ts'
import type { InferenceBackend, RestartReason, RunOptions } from '../../src/inference/backend.ts'
import { createPiscinaBackend, type PiscinaBackendOptions } from '../../src/inference/piscina-backend.ts'
import { temporaryFolder } from './fixtures/temporary-folder.ts'
import { testBackend, within } from './fixtures/test-backend.ts'

let backend: InferenceBackend | undefined

afterEach(async () => {
  await backend?.close({ timeoutMs: 0 })
  backend = undefined
})

async function open(options: Parameters<typeof testBackend>[0] = {}) {
  const opened = testBackend(options)
  backend = opened
  const restarts: RestartReason[] = []
  opened.onRestart((reason) => restarts.push(reason))
  await opened.whenReady()
  const run = (name: string, input?: unknown, runOptions: Partial<RunOptions> = {}) =>
    opened.run({ name, input }, { kind: 'fast', deadline: within(10_000), ...runOptions })
  return { backend: opened, restarts, run }
}

const shared = () => new SharedArrayBuffer(4)
const flag = (buffer: SharedArrayBuffer) => Atomics.load(new Int32Array(buffer), 0)
const until = (condition: () => boolean) => expect.poll(condition, { timeout: 5000, interval: 5 }).toBe(true)
const errorOf = (promise: Promise<unknown>): Promise<DiffiqaError> =>
  promise.then(
    () => expect.fail('should have been rejected'),
    (error) => {
      expect(error).toBeInstanceOf(DiffiqaError)
      return error
    },
  )

describe('an answer', () => {
  test('comes back with the time waited and the time worked', async () => {
    const { run } = await open()
    const [first, second] = await Promise.all([run('sleep', 60), run('echo', { a: [1, 2] })])
    expect(first).toMatchObject({ value: 'slept' })
    expect(first.queueMs).toBeLessThan(50)
    expect(first.serviceMs).toBeGreaterThan(55)
    expect(second.value).toEqual({ a: [1, 2] })
    expect(second.queueMs).toBeGreaterThan(55)
    expect(second.serviceMs).toBeLessThan(second.queueMs)
  })

  test('moves buffers both ways instead of copying them', async () => {
    const { run } = await open()
    const input = new Uint8Array(1000)
    const result = await run('buffer', input, { transfer: [input.buffer] })
    expect(input.byteLength).toBe(0)
    const value = result.value as { out: Float32Array; inputBytes: number }
    expect(value.inputBytes).toBe(1000)
    expect(value.out).toEqual(new Float32Array(1000).fill(2))
  })

  test('is a DiffiqaError with code, message, details and cause when the handler throws one', async () => {
    const { run, restarts } = await open()
    const error = await errorOf(run('throw-typed'))
    expect(error).toMatchObject({
      code: 'unreadable-image',
      message: 'cut off',
      status: 422,
      details: { at: 12 },
      retryAfterSeconds: 3,
    })
    expect(error.cause).toMatchObject({ name: 'TypeError', message: 'below', code: 'EBELOW' })
    expect((error.cause as Error).cause).toMatchObject({ message: 'bottom' })
    expect(await run('echo', 1)).toMatchObject({ value: 1 })
    expect(restarts).toEqual([])
  })

  test.each(['throw-other', 'throw-text'])('is scoring-failed for anything else thrown (%s)', async (name) => {
    const { run, restarts } = await open()
    const error = await errorOf(run(name))
    expect(error.code).toBe('scoring-failed')
    expect(error.cause).toBeInstanceOf(Error)
    expect(restarts).toEqual([])
  })

  test('is scoring-failed when the input cannot be cloned, and the worker lives on', async () => {
    const { run, restarts } = await open()
    expect(await errorOf(run('echo', () => {}))).toMatchObject({ code: 'scoring-failed' })
    expect(await run('echo', 2)).toMatchObject({ value: 2 })
    expect(restarts).toEqual([])
  })
})

describe('a worker that dies', () => {
  test.each([
    ['process.exit', 'exit', 'crash'],
    ['an unhandled rejection', 'reject', 'crash'],
    ['an answer that cannot be cloned', 'unclonable', 'crash'],
    ['running out of memory', 'allocate', 'memory'],
  ] as const)('by %s fails its own task only and is replaced', async (_, name, reason) => {
    const { backend, run, restarts } = await open({
      workers: 2,
      resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 8 },
    })
    const bystander = run('sleep', 100)
    const victim = errorOf(run(name))
    const waiting = run('echo', 'next')
    expect(await victim).toMatchObject({ code: 'worker-crashed', retryable: true, details: { reason } })
    expect(await bystander).toMatchObject({ value: 'slept' })
    expect(await waiting).toMatchObject({ value: 'next' })
    await until(() => backend.stats().workers.idle === 2)
    expect(restarts).toEqual([reason])
    const threads = await Promise.all([run('thread'), run('thread')])
    expect(new Set(threads.map(({ value }) => value)).size).toBe(2)
  })

  test('while idle is replaced without any task failing', async () => {
    const { backend, run, restarts } = await open()
    const before = (await run('thread')).value
    await run('exit-when-idle')
    await until(() => restarts.length === 1)
    expect(restarts).toEqual(['crash'])
    const after = (await run('thread')).value
    expect(after).not.toBe(before)
    expect(backend.ready).toBe(true)
  })

  test('again and again recovers each time', async () => {
    const { backend, run, restarts } = await open()
    for (let death = 1; death <= 3; death++) {
      await until(() => backend.ready)
      expect(await errorOf(run('exit'))).toMatchObject({ code: 'worker-crashed' })
      await until(() => restarts.length === death)
    }
    await until(() => backend.ready)
    expect(await run('echo', 1)).toMatchObject({ value: 1 })
  })

  test('is tried again when the replacement cannot load at first', async () => {
    const file = join(temporaryFolder(), 'mode')
    writeFileSync(file, 'ok')
    const { backend, run, restarts } = await open({ load: file })
    writeFileSync(file, 'missing')
    expect(await errorOf(run('exit'))).toMatchObject({ code: 'worker-crashed' })
    await until(() => restarts.length >= 2)
    expect(backend.ready).toBe(false)
    writeFileSync(file, 'ok')
    await until(() => backend.ready)
    expect(await run('echo', 3)).toMatchObject({ value: 3 })
  })
})

describe('the watchdog', () => {
  test('ends a worker that hangs, and only its task fails', async () => {
    const { backend, run, restarts } = await open({ workers: 2, watchdogMs: 150 })
    const bystander = run('sleep', 60)
    const start = performance.now()
    const error = await errorOf(run('hang'))
    expect(error).toMatchObject({ code: 'worker-crashed', details: { reason: 'watchdog' } })
    expect(performance.now() - start).toBeLessThan(3000)
    expect(await bystander).toMatchObject({ value: 'slept' })
    expect(restarts).toEqual(['watchdog'])
    await until(() => backend.stats().workers.idle === 2)
    expect(await run('echo', 'again')).toMatchObject({ value: 'again' })
  })

  test('also ends a hung task whose caller got deadline-exceeded before', async () => {
    const { backend, run, restarts } = await open({ watchdogMs: 300 })
    const error = await errorOf(run('hang', undefined, { deadline: within(60) }))
    expect(error).toMatchObject({ code: 'deadline-exceeded', details: { phase: 'running' } })
    expect(backend.stats().workers.busy).toBe(1)
    await until(() => restarts.length === 1)
    expect(restarts).toEqual(['watchdog'])
    expect(await run('echo', 1)).toMatchObject({ value: 1 })
  })
})

describe('a deadline', () => {
  test('that passes in the queue fails the task without running it', async () => {
    const { backend, run } = await open()
    const ran = shared()
    let finished = false
    const running = run('sleep', 400).then(() => {
      finished = true
    })
    const error = await errorOf(run('mark', ran, { deadline: within(50) }))
    expect(finished).toBe(false)
    expect(error).toMatchObject({ code: 'deadline-exceeded', status: 504, details: { phase: 'queue' } })
    expect(backend.stats().fast.depth).toBe(0)
    await running
    await run('echo', 1)
    expect(flag(ran)).toBe(0)
  })

  test('that passes while the task runs answers at once and cancels it between its steps', async () => {
    const { run, restarts } = await open()
    const seen = shared()
    const before = (await run('thread')).value
    const error = await errorOf(run('steps', { seen, steps: 500 }, { deadline: within(50) }))
    expect(flag(seen)).toBe(0)
    expect(error).toMatchObject({ code: 'deadline-exceeded', details: { phase: 'running' } })
    expect((await run('thread')).value).toBe(before)
    expect(flag(seen)).toBe(1)
    expect(restarts).toEqual([])
  })

  test('in the past is refused, by admit() and by run()', async () => {
    const { backend, run } = await open()
    expect(() => backend.admit('fast', within(-1))).toThrow(expect.objectContaining({ code: 'deadline-exceeded' }))
    expect(await errorOf(run('echo', 1, { deadline: within(-1) }))).toMatchObject({ code: 'deadline-exceeded' })
  })
})

describe('an abort', () => {
  test('takes a waiting task out of the queue', async () => {
    const { backend, run } = await open()
    const ran = shared()
    const controller = new AbortController()
    const running = run('sleep', 80)
    const waiting = errorOf(run('mark', ran, { signal: controller.signal }))
    expect(backend.stats().fast.depth).toBe(1)
    controller.abort('client gone')
    expect(await waiting).toMatchObject({ code: 'aborted', cause: 'client gone' })
    expect(backend.stats().fast.depth).toBe(0)
    await running
    await run('echo', 1)
    expect(flag(ran)).toBe(0)
  })

  test('of a running task answers at once and keeps the worker and its models', async () => {
    const { run, restarts } = await open()
    const before = (await run('thread')).value
    const controller = new AbortController()
    const seen = shared()
    const running = errorOf(run('steps', { seen, steps: 500 }, { signal: controller.signal }))
    await sleep(30)
    controller.abort()
    expect(await running).toMatchObject({ code: 'aborted' })
    expect((await run('thread')).value).toBe(before)
    expect(flag(seen)).toBe(1)
    expect(restarts).toEqual([])
  })

  test('before the call never queues', async () => {
    const { backend, run } = await open()
    const error = await errorOf(run('echo', 1, { signal: AbortSignal.abort() }))
    expect(error).toMatchObject({ code: 'aborted' })
    expect(backend.stats().workers.busy).toBe(0)
  })
})

describe('load', () => {
  test('beyond the queue is refused at once with a time to come back', async () => {
    const { backend, run } = await open({ maxQueue: 2, random: () => 0.5 })
    const taken = [run('sleep', 50), run('sleep', 50), run('sleep', 50)]
    expect(backend.stats()).toMatchObject({ fast: { depth: 2, capacity: 2 }, workers: { busy: 1, idle: 0 } })
    const error = await errorOf(run('echo', 1))
    expect(backend.stats().workers.busy).toBe(1)
    expect(error).toMatchObject({
      code: 'queue-full',
      status: 503,
      details: { reason: 'capacity', kind: 'fast' },
      retryAfterSeconds: 1,
    })
    expect(() => backend.admit('fast', within(1000))).toThrow(expect.objectContaining({ code: 'queue-full' }))
    await Promise.all(taken)
    expect(() => backend.admit('fast', within(1000))).not.toThrow()
  })

  test('whose predicted wait exceeds the deadline is refused at once', async () => {
    const { run } = await open({ maxQueue: 100 })
    await run('sleep', 100)
    const taken = Array.from({ length: 4 }, () => run('sleep', 100))
    expect(await errorOf(run('echo', 1, { deadline: within(200) }))).toMatchObject({
      code: 'queue-full',
      details: { reason: 'deadline' },
    })
    expect(await run('echo', 1, { deadline: within(2000) })).toMatchObject({ value: 1 })
    await Promise.all(taken)
  })

  test('of full scores never takes the last worker', async () => {
    const { backend, run } = await open({ workers: 2, maxFull: 2 })
    const full = Array.from({ length: 3 }, () => run('sleep', 150, { kind: 'full' }))
    expect(backend.stats()).toMatchObject({ full: { depth: 2, capacity: 4 }, workers: { busy: 1, idle: 1 } })
    const fast = await run('echo', 'quick')
    expect(fast.queueMs).toBeLessThan(50)
    const queued = await Promise.all(full)
    expect(Math.max(...queued.map(({ queueMs }) => queueMs))).toBeGreaterThan(250)
  })
})

describe('start', () => {
  test('tells of all workers being ready, and of none before', async () => {
    const starting = testBackend({ workers: 2, load: 'slow' })
    backend = starting
    expect(starting.ready).toBe(false)
    expect(starting.stats().workers).toEqual({ busy: 0, idle: 0, starting: 2 })
    const early = starting.run({ name: 'echo', input: 'early' }, { kind: 'fast', deadline: within(5000) })
    await starting.whenReady()
    expect(starting.ready).toBe(true)
    expect(await early).toMatchObject({ value: 'early' })
    expect(starting.stats().workers).toEqual({ busy: 0, idle: 2, starting: 0 })
  })

  test.each([
    ['missing', 20_000, { code: 'model-missing', message: 'no such model', details: { model: 'detector' } }],
    ['exit', 20_000, { code: 'worker-crashed', details: { reason: 'crash' } }],
    ['never', 600, { code: 'worker-crashed', details: { reason: 'start-timeout' } }],
  ])(
    'that fails (%s) is rejected in time with the typed error, for tasks too',
    async (load, startTimeoutMs, expected) => {
      const failing = testBackend({ workers: 2, load, startTimeoutMs })
      backend = failing
      const start = performance.now()
      const task = errorOf(failing.run({ name: 'echo', input: 1 }, { kind: 'fast', deadline: within(5000) }))
      expect(await errorOf(failing.whenReady())).toMatchObject(expected)
      expect(performance.now() - start).toBeLessThan(3000)
      expect(await task).toMatchObject(expected)
      expect(failing.ready).toBe(false)
      expect(() => failing.admit('fast', within(1000))).toThrow(expect.objectContaining({ code: expected.code }))
    },
  )

  test('without a worker file says which file and what to tell a bundler', () => {
    const workerUrl = new URL('./no-such-worker.js', import.meta.url)
    const create = () => createPiscinaBackend({ workerUrl, workers: 1, maxQueue: 1, watchdogMs: 1000 })
    expect(create).toThrow(
      expect.objectContaining({
        code: 'worker-file-missing',
        message: expect.stringMatching(/no-such-worker\.js.*bundler.*external: \['express-diffiqa'\]/),
        details: { sought: expect.stringContaining('no-such-worker.js') },
      }),
    )
  })

  test.each([
    ['workers', 0],
    ['workers', 1.5],
    ['maxQueue', -1],
    ['maxFull', 0],
    ['watchdogMs', Number.NaN],
    ['startTimeoutMs', Number.POSITIVE_INFINITY],
    ['maxqueue', 3],
  ])('refuses the option %s: %s by name', (option, value) => {
    const options = { workerUrl: new URL('./worker.mjs', import.meta.url), workers: 1, maxQueue: 1, watchdogMs: 1000 }
    expect(() => createPiscinaBackend({ ...options, [option]: value } as PiscinaBackendOptions)).toThrow(
      expect.objectContaining({ code: 'invalid-option', details: { option } }),
    )
  })
})

describe('close()', () => {
  test('lets accepted tasks finish, refuses new ones, then is closed', async () => {
    const { backend, run } = await open()
    const accepted = [run('sleep', 80), run('echo', 'waiting')]
    const closing = backend.close()
    expect(backend.ready).toBe(false)
    expect(await errorOf(run('echo', 1))).toMatchObject({ code: 'shutting-down' })
    expect(() => backend.admit('fast', within(1000))).toThrow(expect.objectContaining({ code: 'shutting-down' }))
    expect(await Promise.all(accepted)).toMatchObject([{ value: 'slept' }, { value: 'waiting' }])
    await closing
    expect(await errorOf(run('echo', 1))).toMatchObject({ code: 'gate-closed' })
    expect(() => backend.admit('fast', within(1000))).toThrow(expect.objectContaining({ code: 'gate-closed' }))
    expect(backend.close()).toBe(closing)
    expect(backend.stats().workers).toEqual({ busy: 0, idle: 0, starting: 0 })
  })

  test('fails what is not done in time and stops even a hung worker', async () => {
    const { backend, run, restarts } = await open()
    const left = [errorOf(run('hang')), errorOf(run('echo', 1))]
    const start = performance.now()
    await backend.close({ timeoutMs: 100 })
    expect(performance.now() - start).toBeLessThan(1500)
    for (const error of await Promise.all(left)) expect(error).toMatchObject({ code: 'shutting-down' })
    expect(restarts).toEqual([])
  })

  test('during start rejects whenReady()', async () => {
    const starting = testBackend({ load: 'never' })
    const ready = errorOf(starting.whenReady())
    await starting.close()
    expect(await ready).toMatchObject({ code: 'gate-closed' })
  })
})
