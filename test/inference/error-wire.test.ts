import { expect, test } from 'vitest'
import { DiffiqaError } from '../../src/errors.ts'
import { fromWireError, toDiffiqaError, toWireError } from '../../src/inference/error-wire.ts'

const cross = (error: unknown) => fromWireError(structuredClone(toWireError(error)))

test('a DiffiqaError is the same again, with the stack of its own thread', () => {
  const cause = Object.assign(new TypeError('below', { cause: new Error('bottom') }), {
    code: 'EBELOW',
    secret: 'pixels',
  })
  const error = new DiffiqaError('queue-full', 'busy', { details: { depth: 3 }, retryAfterSeconds: 4, cause })
  const again = cross(error)
  expect(again).toBeInstanceOf(DiffiqaError)
  expect(again).toMatchObject({ code: 'queue-full', message: 'busy', details: { depth: 3 }, retryAfterSeconds: 4 })
  expect(again).toMatchObject({ status: 503, retryable: true, stack: error.stack })
  expect(again.cause).toMatchObject({ name: 'TypeError', message: 'below', code: 'EBELOW', stack: cause.stack })
  expect((again.cause as Error).cause).toMatchObject({ message: 'bottom' })
  expect(again.cause).not.toHaveProperty('secret')
})

test('without cause and time to retry it has none afterwards', () => {
  const again = cross(new DiffiqaError('no-face'))
  expect([again.cause, again.retryAfterSeconds]).toEqual([undefined, undefined])
})

test('details that cannot be cloned are dropped instead of ending the thread', () => {
  expect(cross(new DiffiqaError('no-face', 'none', { details: { call: () => {} } }))).toMatchObject({
    code: 'no-face',
    message: 'none',
    details: {},
  })
})

test('a chain of causes is cut before it becomes a load', () => {
  const ring = new Error('ring')
  ring.cause = ring
  let depth = 0
  for (let at: unknown = cross(ring).cause; at instanceof Error; at = at.cause) depth++
  expect(depth).toBe(4)
})

test.each([
  ['an Error', new RangeError('x'), 'RangeError'],
  ['a text', 'private text', 'Error'],
  ['nothing', undefined, 'Error'],
])('%s becomes scoring-failed', (_, thrown, name) => {
  for (const error of [cross(thrown), toDiffiqaError(thrown)]) {
    expect(error).toMatchObject({ code: 'scoring-failed', message: 'Scoring failed', cause: { name } })
    expect((error.cause as Error).message).not.toContain('private')
  }
})
