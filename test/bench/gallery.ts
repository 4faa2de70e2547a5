import pg from 'pg'
import { onnxMatcher } from '../../src/adapters/onnx.ts'
import { pgvector } from '../../src/adapters/pgvector.ts'
import { pgvectorMigration } from '../../src/adapters/pgvector-table.ts'
import type { AlignedFace } from '../../src/face/types.ts'
import { directions, near, vectorEmbedder, vectorProbe } from '../fixtures/vectors.ts'
import { fillTable } from '../services/fill-table.ts'
import { PostgresServer } from '../services/postgres-server.ts'
import { type FaceCrop, faceCrops } from './face-crops.ts'
import { type Figure, figure, time } from './statistics.ts'

const PEOPLE = 10_000
/** Of SFace. */
const DIMENSION = 128
const LIMIT = 10
/** SFace's default threshold. */
const MATCH = 0.363

interface Gallery {
  /** What the embeddings are. */
  readonly of: string
  readonly people: readonly (readonly number[])[]
  readonly probes: readonly (readonly number[])[]
  /** Place of the person of each probe among `people`; absent for made-up ones. */
  readonly owners?: readonly number[]
}

/**
 * `pgvector()` on a real PostgreSQL with 10,000 embeddings: recall of its HNSW index against an exact scan, and how long statements take;
 * nothing is embedded then.
 * @param crops Folder of `models/training/crops.ts`, for embeddings of real faces by SFace. @default made-up directions
 */
export async function galleryFigures(runs: number, crops: string | undefined): Promise<Figure[]> {
  const gallery = crops === undefined ? madeUp(runs) : await realFaces(crops, runs)
  await using server = await PostgresServer.open()
  const pool = new pg.Pool({ connectionString: server.url, max: 8 }).on('error', () => {})
  try {
    await pool.query(pgvectorMigration({ dimension: DIMENSION }))
    await fillTable(pool, '', 'tiny', gallery.people)
    await pool.query('analyze face_templates')
    return [...(await recalls(server, pool, gallery)), ...(await times(pool, gallery, runs))]
  } finally {
    await pool.end()
  }
}

/** Without the crowding of real faces: the hardest case for the index. */
function madeUp(runs: number): Gallery {
  const people = [...directions(PEOPLE, DIMENSION, { share: 0 })]
  const probes = Array.from({ length: runs }, (_, i) => near(people[(i * 37) % PEOPLE] as number[], 0.5, i + 1))
  return { of: 'made-up directions', people, probes }
}

async function realFaces(folder: string, runs: number): Promise<Gallery> {
  const { firsts, others } = await faceCrops(folder)
  const enrolled = [...firsts, ...others].slice(0, PEOPLE)
  if (enrolled.length < PEOPLE) throw new Error(`${folder} holds ${enrolled.length} faces; ${PEOPLE} are needed`)
  const places = new Map(enrolled.map(({ person }, place) => [person, place]))
  const further = others.slice(Math.max(0, PEOPLE - firsts.length)).filter(({ person }) => places.has(person))
  const probes = further.slice(0, runs)
  await using matcher = await onnxMatcher({ maxQueue: PEOPLE })
  const embed = async (list: readonly FaceCrop[]): Promise<number[][]> => {
    const embeddings: number[][] = []
    for (const { read } of list) {
      const face = { pixels: await read() } as unknown as AlignedFace
      embeddings.push(...(await matcher.embed([face], {})).map((embedding) => [...embedding]))
    }
    return embeddings
  }
  process.stderr.write(`embedding ${PEOPLE} faces of ${new Set(enrolled.map(({ person }) => person)).size} people\n`)
  return {
    of: 'real faces',
    people: await embed(enrolled),
    probes: await embed(probes),
    owners: probes.map(({ person }) => places.get(person) as number),
  }
}

/** The index with its default breadth of search, and with broader ones. */
async function recalls(server: PostgresServer, pool: pg.Pool, { of, probes, owners }: Gallery): Promise<Figure[]> {
  const exact: Near[][] = []
  for (const probe of probes) exact.push(await exactScan(pool, probe))
  const isMatch = exact.map(([first]) => (first as Near).score >= MATCH)
  const figures: Figure[] = []
  if (owners) {
    const right = exact.map(([first], i) => (first?.subject === `p${owners[i]}` ? 1 : 0))
    figures.push(
      share(`${PEOPLE} ${of}: the nearest is a match`, isMatch.map(Number)),
      share(
        `${PEOPLE} ${of}: of these, the nearest is the person`,
        right.filter((_, i) => isMatch[i]),
      ),
    )
  }
  for (const breadth of [40, 100, 200, 400]) {
    const broad = new pg.Pool({ connectionString: server.url, max: 1, options: `-c hnsw.ef_search=${breadth}` })
    const matcher = pgvector(broad, vectorEmbedder('tiny', DIMENSION))
    const [first, ten, ms]: [number[], number[], number[]] = [[], [], []]
    await matcher.identify(vectorProbe(...(probes[0] as number[])), { limit: LIMIT })
    for (const [i, probe] of probes.entries()) {
      const best = exact[i] as Near[]
      const begun = performance.now()
      const found = (await matcher.identify(vectorProbe(...probe), { limit: LIMIT })).map(({ subject }) => subject)
      ms.push(performance.now() - begun)
      first.push(found[0] === best[0]?.subject ? 1 : 0)
      ten.push(best.filter(({ subject }) => found.includes(subject)).length / LIMIT)
    }
    await broad.end()
    const what = `${PEOPLE} ${of}, ef_search ${breadth}:`
    figures.push(
      share(`${what} the index finds the nearest`, first),
      ...(owners
        ? [
            share(
              `${what} the index finds the nearest, where it is a match`,
              first.filter((_, i) => isMatch[i]),
            ),
          ]
        : []),
      share(`${what} the index finds the ${LIMIT} nearest`, ten),
      figure(`${what} identify`, ms),
    )
  }
  return figures
}

async function times(pool: pg.Pool, { of, probes }: Gallery, runs: number): Promise<Figure[]> {
  const matcher = pgvector(pool, vectorEmbedder('tiny', DIMENSION))
  let next = 0
  const newcomers = directions(runs + 3, DIMENSION, { seed: 99 })
  return [
    await time(`${PEOPLE} ${of}: exact scan`, runs, () => exactScan(pool, probes[next++ % probes.length] as number[])),
    await time(`${PEOPLE} ${of}: enrol`, runs, () =>
      matcher.enrol(`newcomer ${next++}`, vectorProbe(...(newcomers.next().value as number[])), {}),
    ),
  ]
}

const share = (name: string, values: readonly number[]): Figure => {
  const mean = (100 * values.reduce((sum, value) => sum + value, 0)) / values.length
  return { ...figure(name, [mean], '%'), runs: values.length }
}

interface Near {
  readonly subject: string
  readonly score: number
}

async function exactScan(pool: pg.Pool, probe: readonly number[]): Promise<Near[]> {
  const { rows } = await pool.query(
    `with own as materialized (select subject, embedding from face_templates)
     select subject, 1 - (embedding <=> $1::vector) as score from own order by embedding <=> $1::vector limit ${LIMIT}`,
    [`[${probe.join(',')}]`],
  )
  return rows
}
