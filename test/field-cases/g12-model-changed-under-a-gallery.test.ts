import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MemoryGallery } from '../../src/adapters/gallery.ts'
import { type OnnxMatcher, onnxMatcher } from '../../src/adapters/onnx.ts'
import { type PgvectorEmbedder, pgvector } from '../../src/adapters/pgvector.ts'
import { pgvectorMigration } from '../../src/adapters/pgvector-table.ts'
import { openDatabase, type TestDatabase } from '../fixtures/pglite.ts'
import { probeOf } from '../fixtures/probes.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { seededWeight, tinyEmbedder } from '../fixtures/tiny-embedder.ts'

const PEOPLE = Array.from({ length: 20 }, (_, n) => `person-${n}`)

/** Networks of other weights, the second of another length too. */
const networks = {
  A: tinyEmbedder(128, seededWeight(1)),
  B: tinyEmbedder(512, seededWeight(2)),
  C: tinyEmbedder(128, seededWeight(3)),
}

const options = { input: { mean: 127.5, std: 127.5 }, scale: { impostorMean: 0, defaultThreshold: 0.5 } }

const probe = await probeOf(await sampleFace('a'))
const embedders = {} as Record<keyof typeof networks, OnnxMatcher>
let database: TestDatabase

beforeAll(async () => {
  for (const name of ['A', 'B', 'C'] as const)
    embedders[name] = await onnxMatcher({ ...options, model: networks[name] })
  database = await openDatabase()
})
afterAll(async () => {
  await Promise.all(Object.values(embedders).map((embedder) => embedder.close()))
  await database[Symbol.asyncDispose]()
})

const wrongLength = {
  code: 'embedding-mismatch',
  message: expect.stringMatching(/128.*512/),
  details: { galleryLength: 128, modelLength: 512 },
}
const wrongModel = () => ({
  code: 'embedding-mismatch',
  details: { galleryModel: embedders.A.modelId, model: embedders.C.modelId },
})

/** What an embedder should never say. */
const BAD: readonly [string, unknown][] = [
  ['NaN', new Float32Array(128).fill(Number.NaN)],
  ['all zero', new Float32Array(128)],
  ['strings', Array.from({ length: 128 }, () => '1')],
  ['a string', '[1,2,3]'],
]

describe('G12: the model is changed under a gallery', () => {
  test('onnx: other networks are refused when they are opened, and the gallery stays as it was', async () => {
    const gallery = new MemoryGallery()
    const a = await onnxMatcher({ ...options, model: networks.A, gallery })
    for (const name of PEOPLE) await a.enrol(name, probe, {})
    await expect(onnxMatcher({ ...options, model: networks.B, gallery })).rejects.toMatchObject(wrongLength)
    await expect(onnxMatcher({ ...options, model: networks.C, gallery })).rejects.toMatchObject(wrongModel())
    for (const [, bad] of BAD)
      expect(() => gallery.add('x', bad as Float32Array, { modelId: a.modelId })).toThrow(
        expect.objectContaining({ code: 'invalid-embedding' }),
      )
    expect(gallery.size).toBe(20)
    await a.close()
  })

  describe('pgvector', () => {
    const rows = async (): Promise<number> =>
      (await database.pool.query('select count(*)::int as n from face_templates')).rows[0].n

    beforeEach(async () => {
      await database.pool.query('drop table if exists face_templates, face_templates_model')
      await database.pool.query(pgvectorMigration({ dimension: 128 }))
      const matcher = pgvector(database.pool, embedders.A)
      for (const name of PEOPLE) await matcher.enrol(name, probe, {})
      expect(await rows()).toBe(20)
      database.statements()
    })

    test.each(['B', 'C'] as const)('network %s is refused before any statement that compares', async (name) => {
      const matcher = pgvector(database.pool, embedders[name])
      const refusal = name === 'B' ? wrongLength : wrongModel()
      await expect(matcher.identify(probe, { limit: 3 })).rejects.toMatchObject(refusal)
      await expect(matcher.verify(probe, { subject: 'person-1' }, {})).rejects.toMatchObject(refusal)
      await expect(matcher.enrol('somebody', probe, {})).rejects.toMatchObject(refusal)
      const statements = database.statements()
      expect(statements).toHaveLength(3)
      for (const statement of statements) expect(statement).toMatch(/^select model, dimension/)
      expect(await rows()).toBe(20)
      expect(await pgvector(database.pool, embedders.A).identify(probe, { limit: 30 })).toHaveLength(20)
    })

    test('an enrolment that another network overtakes is refused by the database', async () => {
      await database.pool.query('delete from face_templates')
      await database.pool.query('update face_templates_model set model = null')
      const late: PgvectorEmbedder = {
        ...embedders.C,
        embed: async (faces, call) => {
          await pgvector(database.pool, embedders.A).enrol('first', probe, {})
          return embedders.C.embed(faces, call)
        },
      }
      await expect(pgvector(database.pool, late).enrol('second', probe, {})).rejects.toMatchObject({
        code: 'embedding-mismatch',
      })
      expect(await rows()).toBe(1)
    })

    test.each(BAD)('%s in place of an embedding: refused, nothing compared, nobody enrolled', async (_, bad) => {
      const matcher = pgvector(database.pool, { ...embedders.A, embed: async () => [bad as Float32Array] })
      const refusal = { code: 'invalid-embedding' }
      await expect(matcher.identify(probe, { limit: 3 })).rejects.toMatchObject(refusal)
      await expect(matcher.enrol('somebody', probe, {})).rejects.toMatchObject(refusal)
      for (const statement of database.statements()) expect(statement).toMatch(/^select model, dimension/)
      expect(await rows()).toBe(20)
    })
  })
})
