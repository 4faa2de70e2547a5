import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { SharedCacheOptions } from '../../src/gate/cache-options.ts'
import { resolveOptions } from '../../src/gate/options.ts'
import { redisScores } from '../../src/gate/redis-scores.ts'
import { type SharedFace, type SharedScoreStore, SharedScores } from '../../src/gate/shared-scores.ts'
import { TASKS } from '../../src/gate/worker-tasks.ts'
import { alignedFace, CROP_BYTES } from '../quality/stand-ins.ts'
import {
  answerOf,
  fullAnswerOf,
  type PuppetSetup,
  photo,
  puppetGate,
  record,
  score,
  scoredFace,
} from './puppet-gate.ts'

const SECRET = 'a secret of at least thirty-two bytes'
const UNCERTAIN = 0.57

/** A store as Redis would be, and a look into it. */
function memoryStore() {
  const kept = new Map<string, string>()
  const store: SharedScoreStore = {
    get: async (key) => kept.get(key) ?? null,
    set: async (key, value) => void kept.set(key, value),
  }
  return { kept, store }
}

const sharing = (store: SharedScoreStore, more: Partial<SharedCacheOptions> = {}, setup: PuppetSetup = {}) =>
  puppetGate({ ...setup, options: { ...setup.options, cache: { shared: { store, secret: SECRET, ...more } } } })

describe('scores shared by two processes', () => {
  test('an accepted photo is not looked at a second time, and the verdict is the same', async () => {
    const { store, kept } = memoryStore()
    const one = sharing(store)
    const other = sharing(store)
    const first = await one.gate.assess(photo())
    expect(kept.size).toBe(1)
    const told = record(other.gate, 'shared-cache', 'cache')
    const assessed = record(other.gate, 'assessed')
    const second = await other.gate.assess(photo())
    expect(other.backend.runs).toHaveLength(0)
    const { decision, weight, reasons, score: own, uncertain, escalation } = first.verdict
    expect(second.verdict).toMatchObject({ decision, weight, reasons, score: own, uncertain, escalation, cached: true })
    expect([second.verdict.face, second.photo, second.faces]).toEqual([undefined, undefined, []])
    expect(told.map(({ event }) => event.result)).toEqual(['miss', 'hit'])
    expect(assessed).toMatchObject([{ event: { outcome: 'accept', faces: undefined } }])
  })

  test('where the photo has to be looked at anyway, the second look is spared', async () => {
    const { store } = memoryStore()
    const answer: PuppetSetup['answer'] = ({ name }) => (name === TASKS.full ? fullAnswerOf(1) : answerOf(UNCERTAIN))
    const one = sharing(store, {}, { answer })
    const other = sharing(store, {}, { answer })
    const first = await one.gate.assess(photo(), { crops: true })
    expect(one.backend.names).toEqual([TASKS.assess, TASKS.full])
    const second = await other.gate.assess(photo(), { crops: true })
    expect(other.backend.names).toEqual([TASKS.assess])
    expect(second.verdict).toMatchObject({ score: first.verdict.score, escalation: 'overturned', cached: false })
    expect(second.aligned).toHaveLength(1)
    // Without crops not even that.
    const third = await other.gate.assess(photo('b'))
    expect(third.verdict.cached).toBe(false)
    const fresh = sharing(store, {}, { answer })
    expect((await fresh.gate.assess(photo())).verdict).toMatchObject({ score: first.verdict.score, cached: true })
    expect(fresh.backend.runs).toHaveLength(0)
  })

  test.each([0.1, 0.3, UNCERTAIN])('a face of %s is looked at again: its reasons are in the photo', async (value) => {
    const { store } = memoryStore()
    const answer: PuppetSetup['answer'] = ({ name }) => (name === TASKS.full ? fullAnswerOf(value) : answerOf(value))
    const first = await sharing(store, {}, { answer }).gate.assess(photo())
    const other = sharing(store, {}, { answer })
    const second = await other.gate.assess(photo())
    expect(first.verdict.decision).not.toBe('accept')
    expect(other.backend.runs.length).toBeGreaterThan(0)
    expect({ ...second.verdict, timings: 0 }).toEqual({ ...first.verdict, timings: 0 })
  })

  test('thresholds are those of the process that is asked', async () => {
    const { store } = memoryStore()
    await sharing(store).gate.assess(photo())
    const strict = sharing(store, {}, { options: { escalationBudget: 0 } })
    strict.gate.update({ thresholds: { probe: { acceptFrom: 0.99, rejectBelow: 0.98 } } })
    expect((await strict.gate.assess(photo())).verdict).toMatchObject({ decision: 'reject', cached: false })
  })

  test('a face whose landmarks fit badly is not shared without its full score', async () => {
    const { store, kept } = memoryStore()
    const odd = { ...alignedFace(new Uint8Array(CROP_BYTES)), residual: 1e9 }
    const setup = { options: { escalationBudget: 0 }, answer: () => answerOf(scoredFace(0.9, { aligned: odd })) }
    await sharing(store, {}, setup).gate.assess(photo())
    expect(kept.size).toBe(0)
  })

  test('other networks, calibrations, presets and secrets have other keys', async () => {
    const { store, kept } = memoryStore()
    await sharing(store).gate.assess(photo())
    const others = [
      sharing(store, { secret: `${SECRET}!` }),
      sharing(store, {}, { scoring: { reference: { 'diffiqa-r': [[0, 0]], combined: [[0, 0]] } as never } }),
    ]
    for (const { gate, backend } of others) {
      await gate.assess(photo())
      expect(backend.runs).toHaveLength(1)
    }
    expect(kept.size).toBe(3)
  })

  test('keys are no digests of photos, values hold scores and the version only', async () => {
    const { store, kept } = memoryStore()
    await sharing(store, {}, { answer: () => answerOf(0.9, 0.95) }).gate.assess(photo('canary'), { faces: 'all' })
    const [[key, value] = ['', '']] = kept
    expect(key).toMatch(/^[\w-]{43}$/)
    expect(JSON.parse(value.slice(value.indexOf('.') + 1))).toEqual({
      modelVersion: 'vectors-1',
      scores: [{ fast: [0.9, 0.05, 8] }, { fast: [0.95, 0.05, 9] }],
    })
  })

  test('1,000 identical photos at once ask once', async () => {
    const { store } = memoryStore()
    const get = vi.fn(store.get)
    const { gate, backend } = sharing({ ...store, get })
    await Promise.all(Array.from({ length: 1000 }, () => gate.assess(photo())))
    expect(get).toHaveBeenCalledTimes(1)
    expect(backend.runs).toHaveLength(1)
  })

  test('trials of an operator are not told of', async () => {
    const { gate } = sharing(memoryStore().store)
    const told = record(gate, 'shared-cache')
    await gate.assess(photo(), { report: false })
    expect(told).toEqual([])
  })
})

describe('a store that fails', () => {
  const never = () => new Promise<never>(() => {})
  const boom = () => Promise.reject(new Error('gone'))
  const thrown = (): never => {
    throw new Error('at once')
  }
  test.each<[string, SharedScoreStore['get'], SharedScoreStore['set'], string]>([
    ['hangs', never, never, 'timeout'],
    ['rejects', boom, boom, 'error'],
    ['throws', thrown, thrown, 'error'],
    ['answers junk', async () => 'junk', async () => 0, 'error'],
    ['answers no text', async () => 5 as never, async () => 0, 'error'],
  ])('that %s costs no verdict, and after three times in a row not even time', async (_, get, set, result) => {
    const { gate } = sharing({ get, set }, { timeoutMs: 20 })
    const told = record(gate, 'shared-cache')
    for (let n = 0; n < 10; n++)
      expect((await gate.assess(photo(String(n)))).verdict).toMatchObject({ decision: 'accept', cached: false })
    const results = told.map(({ event }) => event.result)
    expect(results.slice(0, 1)).toEqual([result])
    if (!/junk|no text/.test(_)) expect(results.slice(3)).toEqual(Array(7).fill('skipped'))
  })

  test('is asked again when it is back', async () => {
    const { store } = memoryStore()
    let down = true
    const { gate } = sharing({ ...store, get: (key) => (down ? boom() : store.get(key)) })
    const told = record(gate, 'shared-cache')
    for (let n = 0; n < 5; n++) await gate.assess(photo(String(n)))
    expect(told.at(-1)?.event.result).toBe('skipped')
    down = false
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await gate.assess(photo('back'))
    expect(told.at(-1)?.event.result).toBe('miss')
  })

  test('is never waited for longer than half of what is left of the deadline', async () => {
    const { gate } = sharing({ get: never, set: never }, { timeoutMs: 10_000 })
    expect((await gate.assess(photo(), { deadlineMs: 300 })).verdict.decision).toBe('accept')
  })

  test('does not gather writes that hang', async () => {
    let writes = 0
    const set = () => {
      writes++
      return never()
    }
    const { gate } = sharing({ get: async () => null, set }, { timeoutMs: 10_000 })
    for (let n = 0; n < 200; n++) await gate.assess(photo(String(n)))
    expect(writes).toBeLessThanOrEqual(64)
  })
})

describe('what a store answers', () => {
  const good: SharedFace = { fast: score(0.9), full: score(0.8, 'diffiqa') }
  const open = (store: SharedScoreStore, secret = SECRET) =>
    new SharedScores({ store, secret: Buffer.from(secret), timeoutMs: 1000, ttlMs: 1000, modelVersion: 'vectors-1' })
  const written = async (): Promise<string> => {
    const { store, kept } = memoryStore()
    open(store).set('key', [good])
    await new Promise(setImmediate)
    return kept.get('key') as string
  }

  test('is what was written', async () => {
    const text = await written()
    const scores = open({ get: async () => text, set: async () => 0 })
    expect(await scores.get('key', 1000)).toEqual({ result: 'hit', faces: [good] })
  })

  test('under another key, with another secret, or changed anywhere, is not believed', async () => {
    const text = await written()
    const result = async (answer: string, key = 'key', secret = SECRET) =>
      (await open({ get: async () => answer, set: async () => 0 }, secret).get(key, 1000)).result
    expect(await result(text, 'other')).toBe('error')
    expect(await result(text, 'key', `${SECRET}!`)).toBe('error')
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 1 }), async (at, character) => {
        const changed = text.slice(0, at) + character + text.slice(at + 1)
        if (changed !== text) expect(await result(changed)).toBe('error')
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.string(), async (junk) => {
        expect(await result(junk)).toBe('error')
      }),
    )
  })

  test.each([
    { scores: [] },
    { modelVersion: 'other' },
    { scores: [{ fast: [Number.NaN, 0, 0] }] },
    { scores: [{ fast: [1.1, 0, 0] }] },
    { scores: [{ fast: [0.5, -1, 0] }] },
    { scores: [{ fast: [0.5, 0] }] },
    { scores: [{ fast: [0.5, 0, 0], full: [2, 0, 0] }] },
    { scores: [null] },
    { scores: 'many' },
  ])('sealed, but %j, is not believed', async (change) => {
    const { store, kept } = memoryStore()
    const scores = open(store)
    const stringify = JSON.stringify
    const spy = vi.spyOn(JSON, 'stringify').mockImplementationOnce((value) => stringify({ ...value, ...change }))
    scores.set('key', [good])
    spy.mockRestore()
    await new Promise(setImmediate)
    expect(kept.size).toBe(1)
    expect((await open(store).get('key', 1000)).result).toBe('error')
  })
})

describe('options', () => {
  const { store } = memoryStore()
  test.each<[string, unknown]>([
    ['cache.shared', 5],
    ['cache.shared.store', { store: {}, secret: SECRET }],
    ['cache.shared.secret', { store, secret: 'short' }],
    ['cache.shared.secret', { store }],
    ['cache.shared.timeoutMs', { store, secret: SECRET, timeoutMs: 0 }],
    ['cache.shared.ttlMs', { store, secret: SECRET, ttlMs: 1.5 }],
    ['cache.shared.time', { store, secret: SECRET, time: 1 }],
  ])('%s is checked', (option, shared) => {
    expect(() => resolveOptions({ cache: { shared: shared as SharedCacheOptions } })).toThrow(
      expect.objectContaining({ code: 'invalid-option', details: { option } }),
    )
  })

  test('there is none by default, and none of `cache: true`', () => {
    expect(resolveOptions({ cache: true }).cache?.shared).toBeUndefined()
    expect(resolveOptions().cache).toBeUndefined()
  })

  test('redisScores() takes a client, and prefixes its keys', async () => {
    const calls: unknown[] = []
    const client = {
      get: async (...args: unknown[]) => {
        calls.push(args)
        return null
      },
      set: async (...args: unknown[]) => void calls.push(args),
    }
    const scores = redisScores(client, { prefix: 'x:' })
    await scores.get('a')
    await scores.set('a', 'b', 5)
    expect(calls).toEqual([['x:a'], ['x:a', 'b', 'PX', 5]])
    expect(() => redisScores({} as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    expect(() => redisScores(client, { prefix: 5 as never })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
  })
})
