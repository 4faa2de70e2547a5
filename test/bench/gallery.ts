import pg from 'pg'
import { pgvector } from '../../src/adapters/pgvector.ts'
import { pgvectorMigration } from '../../src/adapters/pgvector-table.ts'
import { directions, near, vectorEmbedder, vectorProbe } from '../fixtures/vectors.ts'
import { fillTable } from '../services/fill-table.ts'
import { PostgresServer } from '../services/postgres-server.ts'
import { type Figure, figure, time } from './statistics.ts'

const PEOPLE = 10_000
/** Of SFace. */
const DIMENSION = 128
const LIMIT = 10

/**
 * `pgvector()` on a real PostgreSQL with 10,000 made-up people: recall of its HNSW index against an exact scan, and how long statements take;
 * nothing is embedded.
 */
export async function galleryFigures(runs: number): Promise<Figure[]> {
  await using server = await PostgresServer.open()
  const pool = new pg.Pool({ connectionString: server.url, max: 8 }).on('error', () => {})
  try {
    await pool.query(pgvectorMigration({ dimension: DIMENSION }))
    // Without the crowding of real faces: the hardest case for the index. With it (`share: 0.5`) nothing is missed.
    const people = [...directions(PEOPLE, DIMENSION, { share: 0 })]
    await fillTable(pool, '', 'tiny', people)
    await pool.query('analyze face_templates')
    const matcher = pgvector(pool, vectorEmbedder('tiny', DIMENSION))
    const probes = Array.from({ length: runs }, (_, i) => near(people[(i * 37) % PEOPLE] as number[], 0.5, i + 1))

    const recall = { first: [] as number[], ten: [] as number[] }
    for (const probe of probes) {
      const found = (await matcher.identify(vectorProbe(...probe), { limit: LIMIT })).map(({ subject }) => subject)
      const exact = await exactScan(pool, probe)
      recall.first.push(found[0] === exact[0] ? 1 : 0)
      recall.ten.push(exact.filter((subject) => found.includes(subject)).length / LIMIT)
    }
    let next = 0
    const probe = () => probes[next++ % probes.length] as number[]
    const newcomers = directions(runs + 3, DIMENSION, { seed: 99 })
    return [
      share(`gallery of ${PEOPLE}: HNSW finds the nearest person of an exact scan`, recall.first),
      share(`gallery of ${PEOPLE}: HNSW finds the ${LIMIT} nearest of an exact scan`, recall.ten),
      await time(`gallery of ${PEOPLE}: identify, HNSW`, runs, () =>
        matcher.identify(vectorProbe(...probe()), { limit: LIMIT }),
      ),
      await time(`gallery of ${PEOPLE}: exact scan`, runs, () => exactScan(pool, probe())),
      await time(`gallery of ${PEOPLE}: enrol`, runs, () =>
        matcher.enrol(`newcomer ${next++}`, vectorProbe(...(newcomers.next().value as number[])), {}),
      ),
    ]
  } finally {
    await pool.end()
  }
}

const share = (name: string, values: readonly number[]): Figure => {
  const mean = (100 * values.reduce((sum, value) => sum + value, 0)) / values.length
  return { ...figure(name, [mean], '%'), runs: values.length }
}

async function exactScan(pool: pg.Pool, probe: readonly number[]): Promise<string[]> {
  const { rows } = await pool.query(
    `with own as materialized (select subject, embedding from face_templates)
     select subject from own order by embedding <=> $1::vector limit ${LIMIT}`,
    [`[${probe.join(',')}]`],
  )
  return rows.map(({ subject }) => subject)
}
