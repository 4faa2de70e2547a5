import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { guard } from '../../src/adapters/guard.ts'
import type { Candidate, Probe } from '../../src/adapters/matcher.ts'
import { onnxMatcher } from '../../src/adapters/onnx.ts'
import { type PgvectorEmbedder, type PgvectorMatcherOptions, pgvector } from '../../src/adapters/pgvector.ts'
import { type PgvectorMigrationOptions, pgvectorMigration } from '../../src/adapters/pgvector-table.ts'
import { bareProbe } from '../fixtures/bare-probe.ts'
import { fakeAssessment, fakeGate } from '../fixtures/fake-gate.ts'
import { openDatabase, type TestDatabase } from '../fixtures/pglite.ts'
import { anotherCapture, probeOf } from '../fixtures/probes.ts'
import { SAMPLE_FACES, sampleFace } from '../fixtures/sample-faces.ts'

let database: TestDatabase
const count = async (table = 'face_templates'): Promise<number> =>
  (await database.pool.query(`select count(*)::int as n from ${table}`)).rows[0].n

beforeAll(async () => {
  database = await openDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(async () => {
  await database.pool.query('drop table if exists face_templates, face_templates_model')
})

/** An embedder that takes the wanted embedding from the probe. */
const embedder = (modelId = 'tiny', dimension = 4): PgvectorEmbedder => ({
  modelId,
  dimension,
  scale: { direction: 'similarity', min: -1, max: 1, impostorMean: 0.1, defaultThreshold: 0.5 },
  calibration: 'tiny',
  embed: async (faces) => faces.map((face) => face as unknown as Float32Array),
})

const probe = (...embedding: number[]): Probe =>
  Object.defineProperty(bareProbe(), 'aligned', { value: Float32Array.from(embedding) })

/** Points of the unit sphere, spread evenly and always the same ones. */
function* points(number: number, dimension: number): Generator<number[]> {
  let state = 1
  const random = (): number => {
    state = (state * 48271) % 2147483647
    return state / 2147483647 - 0.5
  }
  for (let i = 0; i < number; i++) yield Array.from({ length: dimension }, random)
}

async function open(options: PgvectorMatcherOptions = {}, given = embedder()): Promise<ReturnType<typeof pgvector>> {
  await database.pool.query(pgvectorMigration({ dimension: 4 }))
  database.statements()
  return pgvector(database.pool, given, options)
}

describe('pgvector() with pg in front of PostgreSQL and pgvector', () => {
  it('recognises other captures of the sample faces with the SFace that comes with the package', async () => {
    await using sface = await onnxMatcher()
    await database.pool.query(pgvectorMigration({ dimension: sface.dimension }))
    const matcher = pgvector(database.pool, sface)
    expect(matcher).toMatchObject({ scale: sface.scale, calibration: 'onnx' })
    for (const name of SAMPLE_FACES) await matcher.enrol(name, await probeOf(await sampleFace(name)), { quality: 0.8 })
    for (const name of SAMPLE_FACES) {
      const capture = await probeOf(await anotherCapture(name))
      const [best, second] = (await matcher.identify(capture, { limit: 2 })) as [Candidate, Candidate]
      expect(best).toMatchObject({ subject: name, referenceQuality: 0.8, source: { subject: name } })
      expect(best.score).toBeGreaterThan(0.6)
      expect(second.score).toBeLessThan(sface.scale.defaultThreshold)
      const toPhoto = await matcher.verify(capture, { probe: await probeOf(await sampleFace(name)) }, {})
      expect((await matcher.verify(capture, { subject: name }, {})).score).toBeCloseTo(best.score, 6)
      expect(toPhoto.score).toBeCloseTo(best.score, 5)
    }
  })

  it('scores by the cosine, also of embeddings that are not of unit length', async () => {
    const matcher = await open()
    await matcher.enrol('ada', probe(3, 0, 0, 0), {})
    await matcher.enrol('bo', probe(0, -20, 0, 0), { quality: 0.5 })
    expect(await matcher.identify(probe(0.6, 0.8, 0, 0), { limit: 5 })).toEqual([
      { subject: 'ada', score: expect.closeTo(0.6, 6), source: expect.objectContaining({ quality: null }) },
      { subject: 'bo', score: expect.closeTo(-0.8, 6), referenceQuality: 0.5, source: expect.anything() },
    ])
    expect(await matcher.identify(probe(1, 0, 0, 0), { limit: 1 })).toHaveLength(1)
    expect(await matcher.verify(probe(5, 0, 0, 0), { subject: 'ada' }, {})).toMatchObject({ score: 1 })
    expect(await matcher.embed([Float32Array.of(1, 2, 3, 4) as never], {})).toEqual([Float32Array.of(1, 2, 3, 4)])
  })

  it('searches by an embedding, so that several photos of a person become one search', async () => {
    const matcher = await open()
    const { embeddings } = matcher
    await expect(embeddings.search(Float32Array.of(1, 0, 0, 0), { limit: 1 })).rejects.toMatchObject({
      code: 'gallery-empty',
    })
    await matcher.enrol('ada', probe(1, 1, 0, 0), { quality: 0.9 })
    await matcher.enrol('bo', probe(0, 0, 1, 1), {})
    const [a, b] = [await embeddings.describe(probe(2, 0, 0, 0), {}), Float32Array.of(0, 2, 0, 0)]
    expect(a).toEqual(Float32Array.of(2, 0, 0, 0))
    expect(embeddings.compare(a, b)).toBe(0)
    const frames = [probe(2, 0, 0, 0), probe(0, 2, 0, 0), probe(0, 0, 0, 9)].map((frame, i) => ({
      ...fakeAssessment(i === 2 ? 0.1 : 0.95),
      bytes: frame.photo,
      probe: frame,
    }))
    const found = await guard(matcher, fakeGate()).identifyFrames(frames)
    // Each of the frames has a cosine of 0.71 to her; their mean has 1. The rejected one takes no part.
    expect(found).toMatchObject({ method: 'pooled', effectiveCount: expect.closeTo(2, 6) })
    expect(found.candidates[0]).toMatchObject({ subject: 'ada', rawScore: expect.closeTo(1, 6) })
    expect(found.frames.map(({ used }) => used)).toEqual([true, true, false])
  })

  it('refuses embeddings that it could not compare, also without a photo', async () => {
    const { embeddings } = await open()
    database.statements()
    const [good, long] = [Float32Array.of(1, 0, 0, 0), new Float32Array(8).fill(1)]
    for (const bad of [long, Float32Array.of(Number.NaN, 0, 0, 0), new Float32Array(4)]) {
      const code = bad === long ? 'embedding-mismatch' : 'invalid-embedding'
      expect(() => embeddings.compare(good, bad)).toThrow(expect.objectContaining({ code }))
      await expect(embeddings.search(bad, { limit: 1 })).rejects.toMatchObject({ code })
    }
    expect(database.statements()).toEqual([])
    const other = pgvector(database.pool, embedder('other'))
    await pgvector(database.pool, embedder()).enrol('ada', probe(1, 0, 0, 0), {})
    await expect(other.embeddings.search(good, { limit: 1 })).rejects.toMatchObject({ code: 'embedding-mismatch' })
    const nowhere = pgvector(database.pool, embedder(), { table: 'nowhere' })
    await expect(nowhere.embeddings.search(good, { limit: 1 })).rejects.toMatchObject({ code: 'gallery-missing' })
  })

  it('refuses people who are enrolled, unknown or unnameable before anything is embedded', async () => {
    const given = embedder()
    const embed = vi.spyOn(given, 'embed')
    const matcher = await open({}, given)
    const a = probe(1, 0, 0, 0)
    await matcher.enrol("ada'; drop table face_templates; --", a, {})
    embed.mockClear()
    const again = matcher.enrol("ada'; drop table face_templates; --", a, {})
    await expect(again).rejects.toMatchObject({ code: 'subject-exists' })
    await expect(matcher.enrol('a\0b', a, {})).rejects.toMatchObject({ code: 'invalid-subject' })
    await expect(matcher.verify(a, { subject: 'bo' }, {})).rejects.toMatchObject({ code: 'subject-unknown' })
    await expect(matcher.remove('bo', {})).rejects.toMatchObject({ code: 'subject-unknown' })
    expect(embed).not.toHaveBeenCalled()
    expect(await count()).toBe(1)
    await matcher.remove("ada'; drop table face_templates; --", {})
    await expect(matcher.identify(a, { limit: 3 })).rejects.toMatchObject({ code: 'gallery-empty' })
    expect(embed).not.toHaveBeenCalled()
  })

  it('enrols one of two who come at the same time under one name', async () => {
    const matcher = await open()
    const both = await Promise.allSettled([
      matcher.enrol('ada', probe(1, 0, 0, 0), {}),
      matcher.enrol('ada', probe(0, 1, 0, 0), {}),
    ])
    const reasons = both.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
    expect(reasons).toEqual(['subject-exists'])
    expect(await count()).toBe(1)
  })

  it('keeps tenants apart, and finds all of a tenant when thousands of others are nearer', async () => {
    const [acme, other] = [await open({ tenant: 'acme' }), await open({ tenant: "o'ther" })]
    await acme.enrol('ada', probe(0, 0, 0, 1), {})
    await acme.enrol('bo', probe(0, 0, 1, 1), {})
    await other.enrol('ada', probe(1, 0, 0, 0), {})
    await database.pool.query(
      `insert into face_templates (tenant, subject, model, embedding)
       select $1, 'p' || n, 'tiny', format('[1,%s,0,0]', n / 1e4)::vector from generate_series(1, 3000) n`,
      ["o'ther"],
    )
    await database.pool.query('analyze face_templates')
    // Also when the planner is bound to take the index, which stops after 40 rows, none of them of this tenant.
    for (const setting of ['on', 'off']) {
      await database.pool.query(`set enable_seqscan = ${setting}`)
      await database.pool.query(`set enable_bitmapscan = ${setting}`)
      await database.pool.query(`set enable_sort = ${setting}`)
      expect((await acme.identify(probe(1, 0, 0, 0.1), { limit: 5 })).map(({ subject }) => subject)).toEqual([
        'ada',
        'bo',
      ])
      expect(await other.identify(probe(1, 0, 0, 0.1), { limit: 100 })).toHaveLength(100)
    }
    for (const setting of ['seqscan', 'bitmapscan', 'sort']) await database.pool.query(`reset enable_${setting}`)
    await expect(acme.verify(probe(1, 0, 0, 0), { subject: 'p1' }, {})).rejects.toMatchObject({
      code: 'subject-unknown',
    })
    await acme.remove('ada', {})
    expect((await other.verify(probe(1, 0, 0, 0), { subject: 'ada' }, {})).score).toBe(1)
  })

  it('finds the same nearest people by the HNSW index as by an exact scan', async () => {
    await database.pool.query(pgvectorMigration({ dimension: 16 }))
    const matcher = pgvector(database.pool, embedder('tiny', 16))
    const people = [...points(1000, 16)]
    for (const [n, point] of people.entries()) await matcher.enrol(`p${n}`, probe(...point), {})
    await database.pool.query('analyze face_templates')
    const sql = `explain select subject from face_templates where tenant = '' order by embedding <=> '[${people[0]}]' limit 5`
    await database.pool.query('set enable_seqscan = off')
    const plan = (await database.pool.query(sql)).rows.map((row) => row['QUERY PLAN']).join('\n')
    let found = 0
    for (const [n, point] of people.slice(0, 50).entries()) {
      const [best] = await matcher.identify(probe(...point), { limit: 5 })
      if (best?.subject === `p${n}`) found++
    }
    await database.pool.query('reset enable_seqscan')
    expect(plan).toContain('face_templates_hnsw')
    expect(found).toBeGreaterThanOrEqual(49)
  })
})

describe('pgvector() when something is wrong', () => {
  it.each([
    ['NaN', [Number.NaN, 1, 0, 0], 'invalid-embedding'],
    ['zeros', [0, 0, 0, 0], 'invalid-embedding'],
    ['a length of its own', [1, 0], 'embedding-mismatch'],
  ])('with %s from the embedder: a typed error, nothing compared or written', async (_, embedding, code) => {
    const matcher = await open()
    await matcher.enrol('ada', probe(1, 0, 0, 0), {})
    database.statements()
    await expect(matcher.enrol('bo', probe(...embedding), {})).rejects.toMatchObject({ code })
    await expect(matcher.identify(probe(...embedding), { limit: 1 })).rejects.toMatchObject({ code })
    await expect(matcher.verify(probe(...embedding), { subject: 'ada' }, {})).rejects.toMatchObject({ code })
    for (const statement of database.statements()) expect(statement).not.toMatch(/<=>|insert/)
    expect(await count()).toBe(1)
  })

  it('does not begin what was aborted, and enrols nobody when aborted while embedding', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const given = embedder()
    const matcher = await open({}, given)
    vi.spyOn(given, 'embed').mockImplementation(async () => {
      controller.abort()
      return [Float32Array.of(1, 0, 0, 0)]
    })
    await expect(matcher.enrol('ada', probe(1, 0, 0, 0), { signal })).rejects.toMatchObject({ name: 'AbortError' })
    database.statements()
    await expect(matcher.identify(probe(1, 0, 0, 0), { limit: 1, signal })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await expect(matcher.remove('ada', { signal })).rejects.toMatchObject({ name: 'AbortError' })
    expect(database.statements()).toEqual([])
    expect(await count()).toBe(0)
  })

  it('removes again whom a statement still enrols after the abort', async () => {
    await database.pool.query(pgvectorMigration({ dimension: 4 }))
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const controller = new AbortController()
    const pool = {
      query: async (text: string, values: unknown[]) => {
        if (/insert into/.test(text)) {
          controller.abort()
          await held
        }
        return database.pool.query(text, values)
      },
    }
    const matcher = pgvector(pool, embedder())
    const call = matcher.enrol('ada', probe(1, 0, 0, 0), { signal: controller.signal })
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    database.statements()
    release()
    await vi.waitFor(() => expect(database.statements().join()).toMatch(/delete from/))
    await vi.waitFor(async () => expect(await count()).toBe(0))
  })

  it('takes back whom a statement enrolled whose answer was lost, and nobody whom another enrolled', async () => {
    const other = await open()
    let meanwhile = false
    const pool = {
      query: async (text: string, values: unknown[]) => {
        const isInsert = /insert into/.test(text)
        if (isInsert && meanwhile) await other.enrol('bo', probe(0, 1, 0, 0), {})
        const answer = await database.pool.query(text, values)
        if (isInsert) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
        return answer
      },
    }
    const matcher = pgvector(pool, embedder())
    const lost = { code: 'matcher-unreachable', cause: { code: 'ECONNRESET' } }
    await expect(matcher.enrol('ada', probe(1, 0, 0, 0), {})).rejects.toMatchObject(lost)
    expect(await count()).toBe(0)
    meanwhile = true
    await expect(matcher.enrol('bo', probe(1, 0, 0, 0), {})).rejects.toMatchObject(lost)
    expect(await count()).toBe(1)
  })

  it('says so where the role of the database may not read, or not write, the table', async () => {
    const matcher = await open()
    await matcher.enrol('ada', probe(1, 0, 0, 0), {})
    const unauthorised = { code: 'matcher-unauthorised', details: { matcher: 'pgvector', sqlState: '42501' } }
    const someone = `someone_${process.pid}`
    await database.pool.query(`create role ${someone}; grant usage on schema public to ${someone}; set role ${someone}`)
    try {
      await expect(matcher.identify(probe(1, 0, 0, 0), { limit: 1 })).rejects.toMatchObject(unauthorised)
      await database.pool.query(
        `reset role; grant select on face_templates, face_templates_model to ${someone}; set role ${someone}`,
      )
      expect(await matcher.identify(probe(1, 0, 0, 0), { limit: 1 })).toMatchObject([{ subject: 'ada' }])
      await expect(matcher.enrol('bo', probe(0, 1, 0, 0), {})).rejects.toMatchObject(unauthorised)
      await expect(matcher.remove('ada', {})).rejects.toMatchObject(unauthorised)
    } finally {
      await database.pool.query('reset role')
    }
    expect(await count()).toBe(1)
  })

  it.each([
    ['28P01', 'matcher-unauthorised'],
    ['42501', 'matcher-unauthorised'],
    ['53300', 'matcher-throttled'],
    ['57P01', 'matcher-unreachable'],
    ['08006', 'matcher-unreachable'],
    ['3D000', 'gallery-missing'],
    ['57014', 'matcher-timeout'],
    ['22P02', 'matcher-failed'],
  ])('gives the SQLSTATE %s the code %s', async (state, code) => {
    const cause = Object.assign(new Error('secret'), { code: state })
    const matcher = pgvector({ query: () => Promise.reject(cause) }, embedder())
    const error = await matcher.identify(probe(1, 0, 0, 0), { limit: 1 }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code, cause })
    expect((error as Error).message).not.toContain('secret')
  })

  it.each([
    ['Query read timeout', 'matcher-timeout'],
    ['timeout exceeded when trying to connect', 'matcher-timeout'],
    ['Connection terminated unexpectedly', 'matcher-unreachable'],
    ['Cannot use a pool after calling end on the pool', 'matcher-unreachable'],
  ])('knows the error %j of pg, which has no code', async (message, code) => {
    const matcher = pgvector({ query: () => Promise.reject(new Error(message)) }, embedder())
    await expect(matcher.remove('ada', {})).rejects.toMatchObject({ code })
  })

  it('refuses answers without rows or without scores', async () => {
    const known = { rows: [{ model: 'tiny', dimension: 4, known: true }] }
    const answering = (answer: unknown) =>
      pgvector(
        { query: async (text: string) => (text.startsWith('select model') ? known : answer) as typeof known },
        embedder(),
      )
    const refused = { code: 'matcher-invalid-answer' }
    for (const answer of [undefined, {}, { rows: null }])
      await expect(answering(answer).identify(probe(1, 0, 0, 0), { limit: 1 })).rejects.toMatchObject(refused)
    for (const score of [undefined, null, 'NaN', 'near']) {
      const guarded = guard(answering({ rows: [{ subject: 'ada', quality: null, score }] }), fakeGate())
      const photo = { ...fakeAssessment(0.95), bytes: Uint8Array.of(1), probe: probe(1, 0, 0, 0) }
      await expect(guarded.identify(photo, { limit: 1 })).rejects.toMatchObject(refused)
      await expect(guarded.verify(photo, { subject: 'ada' })).rejects.toMatchObject(refused)
    }
  })

  it("gives pg's errors a code: no table, and a database that went away between enrol and identify", async () => {
    const early = pgvector(database.pool, embedder())
    await expect(early.identify(probe(1, 0, 0, 0), { limit: 1 })).rejects.toMatchObject({
      code: 'gallery-missing',
      cause: { code: '42P01' },
    })

    const nobodyListens = new pg.Pool({ host: '127.0.0.1', port: 1, max: 1 })
    await database.pool.query(pgvectorMigration({ dimension: 4 }))
    let pool = database.pool
    const matcher = pgvector({ query: (text, values) => pool.query(text, values) }, embedder())
    await matcher.enrol('ada', probe(1, 0, 0, 0), {})
    pool = nobodyListens
    const refused = { code: 'matcher-unreachable', cause: { code: 'ECONNREFUSED' } }
    await expect(matcher.identify(probe(1, 0, 0, 0), { limit: 1 })).rejects.toMatchObject(refused)
    await expect(matcher.enrol('bo', probe(1, 0, 0, 0), {})).rejects.toMatchObject(refused)
    pool = database.pool
    expect(await matcher.identify(probe(1, 0, 0, 0), { limit: 3 })).toMatchObject([{ subject: 'ada' }])
    await nobodyListens.end()
  })

  it('refuses what it cannot use, naming the field', () => {
    const make = (options: object, given: object = embedder(), pool: object = database.pool) =>
      pgvector(pool as TestDatabase['pool'], given as PgvectorEmbedder, options)
    const naming = (option: string) =>
      expect.objectContaining({ code: 'invalid-option', details: expect.objectContaining({ option }) })
    expect(() => make({}, embedder(), {})).toThrow(naming('pool'))
    expect(() => make({}, {})).toThrow(naming('embedder'))
    expect(() => make({}, { ...embedder(), modelId: '' })).toThrow(naming('embedder.modelId'))
    expect(() => make({}, { ...embedder(), dimension: 0 })).toThrow(naming('embedder.dimension'))
    expect(() => make({}, { ...embedder(), scale: undefined })).toThrow(naming('scale'))
    expect(() => make({ tabel: 'x' })).toThrow(naming('tabel'))
    expect(() => make({ tenant: 'a\0' })).toThrow(naming('tenant'))
    for (const table of ['', 'A', 'a b', 'a"b', 'a.b.c', 'a;drop', '1a', 'a'.repeat(49), 7])
      expect(() => make({ table })).toThrow(naming('table'))
    expect(make({ scale: { impostorMean: 0, defaultThreshold: 0.4 } })).not.toHaveProperty('calibration')
  })
})

describe('pgvectorMigration()', () => {
  it('may run again, in a schema, and with an index per tenant', async () => {
    await database.pool.query('create schema if not exists faces')
    const options = { dimension: 4, table: 'faces.user', tenant: "o'th\\er" }
    for (let i = 0; i < 2; i++) await database.pool.query(pgvectorMigration(options))
    const { rows } = await database.pool.query("select indexdef from pg_indexes where schemaname = 'faces'")
    expect(rows.map((row) => row.indexdef).filter((text) => text.includes('hnsw'))).toEqual([
      expect.stringMatching(/USING hnsw \(embedding .*vector_cosine_ops\) WHERE \(tenant = 'o''th\\er'/),
    ])
    const matcher = pgvector(database.pool, embedder(), { table: 'faces.user', tenant: "o'th\\er" })
    await matcher.enrol('ada', probe(1, 0, 0, 0), {})
    expect(await matcher.identify(probe(1, 0, 0, 0), { limit: 1 })).toMatchObject([{ subject: 'ada', score: 1 }])
  })

  it.each([
    [{ dimension: 0 }, 'dimension'],
    [{ dimension: 2001 }, 'dimension'],
    [{}, 'dimension'],
    [{ dimension: 4, table: 'x; drop table y' }, 'table'],
    [{ dimension: 4, tenant: 7 }, 'tenant'],
    [{ dimension: 4, index: 'ivfflat' }, 'index'],
  ])('refuses %j', (options, option) => {
    expect(() => pgvectorMigration(options as unknown as PgvectorMigrationOptions)).toThrow(
      expect.objectContaining({ code: 'invalid-option', details: expect.objectContaining({ option }) }),
    )
  })
})
