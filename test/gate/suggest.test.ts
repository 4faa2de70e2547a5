import { expect, test } from 'vitest'
import { suggest } from '../../src/gate/suggest.ts'

const WORDS = ['full', 'json', 'csv', 'ofiq', 'crops', 'jobs', 'policy', 'purpose', 'preset', 'models']

test.each([
  ['jsno', 'json'],
  ['crop', 'crops'],
  ['polciy', 'policy'],
  ['purp', 'purpose'],
  ['moddels', 'models'],
  ['ofik', 'ofiq'],
])('%s is taken for %s', (typed, meant) => {
  expect(suggest(typed, WORDS)).toBe(meant)
})

test.each(['', 'x', 'verbose', 'xyzzy', 'p'])('%j is not taken for anything', (typed) => {
  expect(suggest(typed, WORDS)).toBeUndefined()
})
