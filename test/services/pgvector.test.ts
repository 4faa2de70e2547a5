import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pgvectorMigration } from '../../src/adapters/pgvector-table.ts'
import { PostgresServer } from './postgres-server.ts'

let server: PostgresServer
let pool: pg.Pool

beforeAll(async () => {
  server = await PostgresServer.open()
  pool = new pg.Pool({ connectionString: server.url, max: 8 })
})
afterAll(async () => {
  await pool?.end()
  await server?.[Symbol.asyncDispose]()
})

describe('pgvectorMigration() on a real PostgreSQL', () => {
  it('may run again, and at the same time in eight connections', async () => {
    const sql = pgvectorMigration({ dimension: 4 })
    await Promise.all(Array.from({ length: 8 }, () => pool.query(sql)))
    const { rows } = await pool.query('select dimension from face_templates_model')
    expect(rows).toEqual([{ dimension: 4 }])
  })
})
