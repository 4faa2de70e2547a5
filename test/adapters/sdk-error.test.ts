import { describe, expect, it } from 'vitest'
import type { Matcher } from '../../src/adapters/matcher.ts'
import { codeOfStatus, matcherError, withCodes } from '../../src/adapters/sdk-error.ts'
import { DiffiqaError } from '../../src/errors.ts'

const coded = (code: string, more: object = {}): Error => Object.assign(new Error('socket'), { code, ...more })

describe('matcherError()', () => {
  it.each([
    ['a refused connection', coded('ECONNREFUSED'), 'matcher-unreachable'],
    [
      'a lost one below an error of fetch',
      new TypeError('fetch failed', { cause: coded('UND_ERR_SOCKET') }),
      'matcher-unreachable',
    ],
    ['a late answer', coded('ETIMEDOUT'), 'matcher-timeout'],
    ['a timeout of AbortSignal', new DOMException('late', 'TimeoutError'), 'matcher-timeout'],
    ['an unknown error', new RangeError('odd'), 'matcher-failed'],
    ['no error at all', 'a string', 'matcher-failed'],
  ])('gives %s a code and keeps it as the cause', (_, thrown, code) => {
    const error = matcherError('acme', thrown)
    expect(error).toMatchObject({ code, details: { matcher: 'acme' } })
    expect(error.cause).toBe(thrown)
    expect(error.message).not.toContain('socket')
  })

  it('does not follow causes that go round in a circle', () => {
    const loop = new Error('a')
    loop.cause = loop
    expect(matcherError('acme', loop).code).toBe('matcher-failed')
  })

  it('believes the adapter first, and leaves typed errors alone', () => {
    const read = () => ({ code: 'no-face', details: { reason: 7 } }) as const
    expect(matcherError('acme', coded('ECONNREFUSED'), read)).toMatchObject({
      code: 'no-face',
      details: { matcher: 'acme', reason: 7 },
    })
    const typed = new DiffiqaError('subject-exists')
    expect(matcherError('acme', typed, read)).toBe(typed)
  })
})

it.each([
  [401, 'matcher-unauthorised'],
  [403, 'matcher-unauthorised'],
  [408, 'matcher-timeout'],
  [413, 'payload-too-large'],
  [429, 'matcher-throttled'],
  [503, 'matcher-throttled'],
  [504, 'matcher-timeout'],
  [404, undefined],
  [500, undefined],
  [undefined, undefined],
])('status %s is %s', (status, code) => {
  expect(codeOfStatus(status)).toBe(code)
})

describe('withCodes()', () => {
  const scale = { direction: 'similarity', min: 0, max: 1, impostorMean: 0, defaultThreshold: 0.5 } as const
  const thrown = new Error('gone')
  const failing: Matcher = {
    name: 'acme',
    scale,
    identify: async () => {
      throw thrown
    },
  }

  it('changes errors only, and adds no method', async () => {
    const matcher = withCodes(failing)
    expect(Object.keys(matcher)).toEqual(['name', 'scale', 'identify'])
    await expect(matcher.identify?.({} as never, { limit: 1 })).rejects.toMatchObject({
      code: 'matcher-failed',
      cause: thrown,
    })
  })

  it('leaves the reason of an abort as it is', async () => {
    const call = withCodes(failing).identify?.({} as never, { limit: 1, signal: AbortSignal.abort() })
    await expect(call).rejects.toBe(thrown)
  })
})
