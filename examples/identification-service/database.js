import pg from 'pg'

/**
 * The database behind the service: PostgreSQL where an address is given, else PGlite, which is PostgreSQL with pgvector inside this process
 * and forgets everybody when it ends.
 */
export async function openDatabase(url) {
  const { pool, close } = url ? await openServer(url) : await openEmbedded()
  // An idle connection that is lost: the pool opens another one when it is needed.
  pool.on('error', (error) => console.error(`A connection to the database was lost: ${error.message}`))
  return { pool, close }
}

async function openServer(connectionString) {
  // The index looks further than by itself: else it misses some of the nearest people.
  const options = '-c hnsw.ef_search=200'
  const pool = new pg.Pool({ connectionString, options, query_timeout: 5000, connectionTimeoutMillis: 3000 })
  return { pool, close: () => pool.end() }
}

async function openEmbedded() {
  const [{ PGlite }, { createPgConfig }, { vector }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite/node-postgres'),
    import('@electric-sql/pglite-pgvector'),
  ])
  const database = await PGlite.create({ extensions: { vector } })
  class Client extends pg.Client {
    constructor() {
      super({ ...createPgConfig(database) })
    }
  }
  // PGlite has one connection; statements wait for one another.
  const pool = new pg.Pool({ Client, max: 1 })
  return { pool, close: () => pool.end().then(() => database.close()) }
}
