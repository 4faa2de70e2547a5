import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Candidate } from '../../src/adapters/matcher.ts'
import { type PgvectorMatcherOptions, pgvector } from '../../src/adapters/pgvector.ts'
import { pgvectorMigration } from '../../src/adapters/pgvector-table.ts'
import { problemHandler } from '../../src/plugin/problem-handler.ts'
import { directions, near, vectorEmbedder, vectorProbe } from '../fixtures/vectors.ts'
import { fillTable } from './fill-table.ts'
import { PostgresServer } from './postgres-server.ts'

const DIMENSION = 128
let server: PostgresServer
let pool: pg.Pool

const openPool = (options: pg.PoolConfig = {}): pg.Pool =>
  // Idle connections tell of a lost server, too.
  new pg.Pool({ connectionString: server.url, max: 8, ...options }).on('error', () => {})
const open = (options: PgvectorMatcherOptions = {}, given = pool, modelId = 'tiny') =>
  pgvector(given, vectorEmbedder(modelId, DIMENSION), options)
const people = [...directions(10_000, DIMENSION)]
const person = (n: number) => vectorProbe(...(people[n] as number[]))
const count = async (): Promise<number> => (await pool.query('select count(*)::int as n from face_templates')).rows[0].n
const outcomes = (settled: readonly PromiseSettledResult<unknown>[]): Record<string, number> => {
  const codes: Record<string, number> = {}
  for (const one of settled) {
    const code = one.status === 'fulfilled' ? 'ok' : one.reason.code
    codes[code] = (codes[code] ?? 0) + 1
  }
  return codes
}

beforeAll(async () => {
  server = await PostgresServer.open()
  pool = openPool()
})
afterAll(async () => {
  await pool?.end()
  await server?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  await pool.query('drop table if exists face_templates, face_templates_model')
  await pool.query(pgvectorMigration({ dimension: DIMENSION }))
})

describe('pgvectorMigration() on a real PostgreSQL', () => {
  it('may run again, and at the same time in eight connections', async () => {
    await pool.query('drop table face_templates, face_templates_model')
    await pool.query('drop extension vector')
    await Promise.all(Array.from({ length: 8 }, () => pool.query(pgvectorMigration({ dimension: DIMENSION }))))
    const { rows } = await pool.query('select dimension from face_templates_model')
    expect(rows).toEqual([{ dimension: DIMENSION }])
  })
})

describe('10,000 people in a real PostgreSQL', () => {
  it('are found by the HNSW index, each tenant its own', async () => {
    await fillTable(pool, 'big', 'tiny', people.slice(0, 9_990))
    const [big, small] = [open({ tenant: 'big' }), open({ tenant: 'small' })]
    for (let n = 9_990; n < 10_000; n++) await small.enrol(`p${n}`, person(n), {})
    await pool.query('analyze face_templates')

    const explained = await pool.query(
      `explain select subject from face_templates where tenant = 'big' order by embedding <=> '[${people[0]}]' limit 5`,
    )
    expect(JSON.stringify(explained.rows)).toContain('face_templates_hnsw')

    let found = 0
    for (let n = 0; n < 9_990; n += 50) {
      const probe = vectorProbe(...near(people[n] as number[], 0.5, n))
      const [best] = (await big.identify(probe, { limit: 5 })) as [Candidate]
      if (best.subject === `p${n}`) found++
    }
    expect(found).toBeGreaterThanOrEqual(198) // of 200

    // All of the small tenant's people are found among thousands of others that are nearer, and nobody else.
    const everybody = (await small.identify(person(0), { limit: 50 })).map(({ subject }) => subject)
    expect(everybody.sort()).toEqual(Array.from({ length: 10 }, (_, i) => `p${9_990 + i}`))
    await expect(small.verify(person(0), { subject: 'p0' }, {})).rejects.toMatchObject({ code: 'subject-unknown' })
    await expect(small.remove('p0', {})).rejects.toMatchObject({ code: 'subject-unknown' })
    expect(await count()).toBe(10_000)
  })
})

describe('enrolments at the same time', () => {
  it('of one name by two processes: one wins', async () => {
    const other = openPool()
    const matchers = [open(), open({}, other)]
    const settled = await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) => matchers[n % 2]?.enrol('ada', person(n), {})),
    )
    await other.end()
    expect(outcomes(settled)).toEqual({ ok: 1, 'subject-exists': 39 })
    expect(await count()).toBe(1)
  })

  it('of two networks into an empty gallery: one network wins, and nobody of the other is enrolled', async () => {
    const matchers = [open({}, pool, 'one'), open({}, pool, 'other')]
    const settled = await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) => matchers[n % 2]?.enrol(`p${n}`, person(n), {})),
    )
    expect(outcomes(settled)).toEqual({ ok: 20, 'embedding-mismatch': 20 })
    const { rows } = await pool.query('select distinct model from face_templates')
    expect(rows).toHaveLength(1)
  })

  it('beside searches and removals: what was removed is gone, everybody else is there', async () => {
    const matcher = open()
    await matcher.enrol('first', person(0), {})
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        await matcher.enrol(`p${n}`, person(n), {})
        const [best] = await matcher.identify(person(n), { limit: 1 })
        expect(best?.score).toBeCloseTo(1, 5)
        if (n % 2 === 1) await matcher.remove(`p${n}`, {})
      }),
    )
    expect(await count()).toBe(51)
    await expect(matcher.verify(person(1), { subject: 'p1' }, {})).rejects.toMatchObject({ code: 'subject-unknown' })
  })
})

describe('a database that goes away', () => {
  const lost = { code: 'matcher-unreachable', status: 503, retryable: true, cause: expect.any(Error) }

  it('between enrol and identify: a typed error, and all goes on when it is back', async () => {
    const matcher = open()
    await matcher.enrol('ada', person(0), {})
    const app = express()
    app.get('/who', async (_req, res) => void res.json(await matcher.identify(person(0), { limit: 1 })))
    app.use(problemHandler())
    const http = app.listen(0, '127.0.0.1')
    const who = () => fetch(`http://127.0.0.1:${(http.address() as { port: number }).port}/who`)
    try {
      await server.stop()
      await expect(matcher.identify(person(0), { limit: 1 })).rejects.toMatchObject(lost)
      await expect(matcher.enrol('bo', person(1), {})).rejects.toMatchObject(lost)
      await expect(matcher.remove('ada', {})).rejects.toMatchObject(lost)
      const refused = await who()
      expect([refused.status, (await refused.json()).code]).toEqual([503, 'matcher-unreachable'])
      await server.start()
      expect(await (await who()).json()).toMatchObject([{ subject: 'ada' }])
      expect(await count()).toBe(1)
      await matcher.enrol('bo', person(1), {})
    } finally {
      http.close()
      await server.start()
    }
  })

  it('in the middle of enrolments: whoever was told so is enrolled, everybody else can be enrolled again', async () => {
    const matcher = open()
    const enrolled: string[] = []
    let next = 0
    /** One after another, until it fails. */
    const work = async (): Promise<unknown> => {
      for (;;) {
        const name = `p${next++}`
        try {
          await matcher.enrol(name, person(next), {})
          enrolled.push(name)
        } catch (error) {
          return error
        }
      }
    }
    const working = Promise.all(Array.from({ length: 8 }, work))
    while (enrolled.length < 20) await sleep(1)
    await server.stop()
    for (const error of await working) expect(error).toMatchObject(lost)
    await server.start()
    const stored = (await pool.query('select subject from face_templates')).rows.map(({ subject }) => subject)
    expect(stored).toEqual(expect.arrayContaining(enrolled))
    // At most the answer was lost, never a part of a person.
    expect(stored.length - enrolled.length).toBeLessThanOrEqual(8)
    const again = await Promise.allSettled(
      Array.from({ length: next }, (_, n) => matcher.enrol(`p${n}`, person(n), {})),
    )
    expect(outcomes(again)).toEqual({ ok: next - stored.length, 'subject-exists': stored.length })
    expect(await count()).toBe(next)
  })

  it('for one connection only, which an administrator ended', async () => {
    const matcher = open()
    await matcher.enrol('ada', person(0), {})
    await pool.query('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()')
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => matcher.identify(person(0), { limit: 1 })))
    expect(Object.keys(outcomes(answers)).filter((code) => !['ok', 'matcher-unreachable'].includes(code))).toEqual([])
    expect(await matcher.identify(person(0), { limit: 1 })).toMatchObject([{ subject: 'ada' }])
  })

  it('that hangs: the time limit of pg is a typed error', async () => {
    const locker = await pool.connect()
    const impatient = openPool({ statement_timeout: 200 })
    try {
      await locker.query('begin; lock table face_templates in access exclusive mode')
      const matcher = open({}, impatient)
      const late = { code: 'matcher-timeout', status: 504 }
      await expect(matcher.identify(person(0), { limit: 1 })).rejects.toMatchObject(late)
      await expect(matcher.enrol('ada', person(0), {})).rejects.toMatchObject(late)
    } finally {
      await locker.query('rollback')
      locker.release()
      await impatient.end()
    }
    expect(await count()).toBe(0)
  })
})

describe('wrong credentials', () => {
  const unauthorised = { code: 'matcher-unauthorised', status: 502, retryable: false, cause: expect.any(Error) }
  const as = (user: string): pg.Pool => openPool({ connectionString: server.url.replace('postgres@', `${user}@`) })

  it('a role that does not exist, and one that may do nothing: a typed error, nobody enrolled', async () => {
    await pool.query('drop role if exists visitor; create role visitor login')
    await open().enrol('ada', person(0), {})
    for (const user of ['stranger', 'visitor']) {
      const other = as(user)
      const matcher = open({}, other)
      await expect(matcher.identify(person(0), { limit: 1 }), user).rejects.toMatchObject(unauthorised)
      await expect(matcher.enrol('bo', person(1), {}), user).rejects.toMatchObject(unauthorised)
      await expect(matcher.remove('ada', {}), user).rejects.toMatchObject(unauthorised)
      await other.end()
    }
    expect(await count()).toBe(1)
  })
})

describe("a gallery's list for express-diffiqa audit", () => {
  it('comes from one line of psql', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'diffiqa-list-'))
    const matcher = open({ tenant: 'acme' })
    await matcher.enrol('Ada, "the first"', person(0), { quality: 0.95 })
    await matcher.enrol('Bo', person(1), { quality: 0.4 })
    await matcher.enrol('Cleo', person(2), {})
    await open({ tenant: 'other' }).enrol('Dan', person(3), { quality: 0.1 })
    try {
      const copy = `\\copy (select subject, quality from face_templates where tenant = 'acme') to 'gallery.csv' csv header`
      execFileSync(server.psql, [server.url, '-c', copy], { cwd: folder, stdio: 'pipe' })
      const cli = [join(process.cwd(), 'dist/cli.js'), 'audit', '-j1', '--json', '--list', 'gallery.csv']
      let stdout = ''
      try {
        stdout = execFileSync(process.execPath, cli, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
      } catch (error) {
        // Cleo cannot be judged: exit code 2.
        const failure = error as { status: number; stdout: string }
        expect(failure.status).toBe(2)
        stdout = failure.stdout
      }
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(lines.map(({ subject, action }) => [subject, action])).toEqual([
        ['Bo', 're-enrol'],
        ['Ada, "the first"', 'keep'],
        ['Cleo', 'unknown'],
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
