import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { snippetsOf } from '../docs/recipe.ts'
import { testPhotos } from '../fixtures/likeness.ts'

const SLOW = 180_000
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'conformance-'))
  mkdirSync(join(folder, 'photos'))
  const { person, again, other } = await testPhotos()
  for (const [name, photo] of Object.entries({ 'ada-1': person, 'ada-2': again, bo: other }))
    writeFileSync(join(folder, 'photos', `${name}.jpg`), photo)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Run the snippet of docs/adapters/testing.md with the built package and Node's own test runner. */
function run(change: (code: string) => string = (code) => code): { status: number | null; output: string } {
  const file = resolve('test', 'conformance', `.snippet-${process.pid}.mjs`)
  const [snippet = ''] = snippetsOf('testing')
  writeFileSync(file, change(snippet.replace('./open-acme.js', './fixtures/open-acme.mjs')))
  try {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], { cwd: folder, env, encoding: 'utf8' })
    return { status, output: stdout + stderr }
  } finally {
    rmSync(file, { force: true })
  }
}

describe('describeMatcher() with node:test, as docs/adapters/testing.md shows it', () => {
  it(
    'passes with a good adapter, the photos judged by a gate of its own',
    () => {
      const { status, output } = run()
      expect(output).toMatch(/pass 12\b/)
      expect(output).toMatch(/fail 0\b/)
      expect(status).toBe(0)
    },
    SLOW,
  )

  it(
    'fails with one that says it can more',
    () => {
      const { status, output } = run((code) => code.replace("'remove'],", "'remove', 'embed'],"))
      expect(output).toMatch(/fail [1-9]/)
      expect(status).toBe(1)
    },
    SLOW,
  )
})
