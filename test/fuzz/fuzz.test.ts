import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Base, makeBases } from './bases.ts'
import { INPUTS_DIR } from './inputs.ts'
import { KNOWN_HARM } from './known-harm.ts'
import { makeInput } from './make-input.ts'
import { Trial } from './trial.ts'

let trial: Trial
let bases: Base[]
beforeAll(async () => {
  ;[trial, bases] = await Promise.all([Trial.open(), makeBases()])
})
afterAll(() => trial.close())

/** A share of what `npm run fuzz` does; the rest of the 20,000 is in docs/results.md. */
const SEED = 2026
const COUNT = 400

describe('mutated photos', () => {
  test('the files they are made of are read', async () => {
    for (const { name, bytes } of bases) {
      const { code, fault } = await trial.run(bytes)
      expect([name, fault]).toEqual([name, undefined])
      expect(['scored', 'no-face']).toContain(code)
    }
  })

  test('an input is the same each time, and differs from the file it is made of', async () => {
    const again = await makeBases()
    let changed = 0
    for (let index = 0; index < 50; index++) {
      const { base, bytes } = makeInput(bases, SEED, index)
      expect(makeInput(again, SEED, index).bytes).toEqual(bytes)
      if (!bytes.equals(bases.find(({ name }) => name === base)?.bytes as Buffer)) changed++
    }
    expect(changed).toBeGreaterThan(40)
  })

  test(`${COUNT} of them do no harm, and reach more than the first look at the file`, async () => {
    const codes = new Map<string, number>()
    for (let index = 0; index < COUNT; index++) {
      const { code, fault } = await trial.run(makeInput(bases, SEED, index).bytes)
      expect([index, fault]).toEqual([index, undefined])
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    for (const code of ['unreadable-image', 'unsupported-media-type', 'too-many-pixels'])
      expect(codes.get(code)).toBeGreaterThan(0)
    expect((codes.get('scored') ?? 0) + (codes.get('no-face') ?? 0)).toBeGreaterThan(COUNT / 20)
  }, 120_000)
})

describe('what once did harm', () => {
  const kept = readdirSync(INPUTS_DIR).filter((name) => !name.endsWith('.md'))
  test.each(kept)('%s', async (name) => {
    expect((await trial.run(readFileSync(new URL(name, INPUTS_DIR)))).fault).toBeUndefined()
  })

  test.each(Object.entries(KNOWN_HARM))(
    '%s',
    async (_, make) => {
      expect((await trial.run(await make())).fault).toBeUndefined()
    },
    60_000,
  )
})

describe('the trial itself', () => {
  test('tells of a photo that takes more than it may', async () => {
    const strict = await Trial.open(1)
    try {
      expect((await strict.run(bases[0]?.bytes as Buffer)).fault).toMatch(/^scored, but it took \d+ ms$/)
    } finally {
      await strict.close()
    }
  })
})
