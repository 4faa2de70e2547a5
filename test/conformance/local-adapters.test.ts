import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { faceApi } from '../../src/adapters/face-api.ts'
import { human } from '../../src/adapters/human.ts'
import { type OnnxMatcher, onnxMatcher } from '../../src/adapters/onnx.ts'
import { pgvector } from '../../src/adapters/pgvector.ts'
import { pgvectorMigration } from '../../src/adapters/pgvector-table.ts'
import { describeMatcher } from '../../src/conformance/describe-matcher.ts'
import type { MatcherCapabilities } from '../../src/conformance/types.ts'
import type { InferenceBackend } from '../../src/inference/backend.ts'
import { realFaceApi } from '../fixtures/face-api.ts'
import { realHuman } from '../fixtures/human.ts'
import { testPhotos } from '../fixtures/likeness.ts'
import { openDatabase, type TestDatabase } from '../fixtures/pglite.ts'
import { acmeUnderTest } from './acme.ts'
import { assessedOnce } from './assessed-once.ts'
import { Control, controlled } from './control.ts'

/** Real networks, each photo anew for each test. */
const runner = { describe, it: (name: string, body: () => Promise<void>) => it(name, body, 180_000) }
const complete: MatcherCapabilities = {
  methods: ['identify', 'verify', 'enrol', 'remove'],
  photos: testPhotos,
  assess: assessedOnce,
  patienceMs: 5000,
}
const broken = new Error('the SDK is broken')
const isBroken = (error: unknown): boolean => error === broken
const breakable = () => new Control(() => broken)
const subjectsOf = (matcher: { gallery: Iterable<{ subject: string }> }) => async () =>
  [...matcher.gallery].map(({ subject }) => subject)

/** The control that embeddings of onnxruntime's threads go through; the threads and the network are real. */
const onnxControl: { current: Control | undefined } = vi.hoisted(() => ({ current: undefined }))
vi.mock('../../src/inference/piscina-backend.ts', async (original) => {
  const { createPiscinaBackend } = await original<typeof import('../../src/inference/piscina-backend.ts')>()
  return {
    createPiscinaBackend: (options: Parameters<typeof createPiscinaBackend>[0]): InferenceBackend => {
      const backend = createPiscinaBackend(options)
      const control = onnxControl.current
      const run: InferenceBackend['run'] = (task, how) =>
        control && task.name === 'embed' ? control.through(() => backend.run(task, how)) : backend.run(task, how)
      return new Proxy(backend, {
        get(target, key) {
          if (key === 'run') return run
          const value = Reflect.get(target, key, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  }
})

describeMatcher('a matcher of one’s own', () => acmeUnderTest(), complete, runner)

describeMatcher(
  'human',
  async () => {
    const control = breakable()
    const { match, tf, ...instance } = await realHuman()
    const real = await realHuman()
    const detect: typeof real.detect = (input, config) => control.through(() => real.detect(input, config))
    const matcher = human({ ...instance, match, tf, detect } as never)
    return { matcher, ...controlled(control, isBroken), enrolled: subjectsOf(matcher) }
  },
  complete,
  runner,
)

describeMatcher(
  'face-api',
  async () => {
    const control = breakable()
    const real = await realFaceApi()
    const detectAllFaces = (...given: Parameters<typeof real.detectAllFaces>) => ({
      withFaceLandmarks: (tiny?: boolean) => ({
        run: () =>
          control.through(() =>
            real
              .detectAllFaces(...given)
              .withFaceLandmarks(tiny)
              .run(),
          ),
      }),
    })
    const matcher = faceApi({ ...real, detectAllFaces } as never)
    const { answers, ...parts } = controlled(control, isBroken)
    return { matcher, ...parts, enrolled: subjectsOf(matcher) }
  },
  complete,
  runner,
)

describeMatcher(
  'onnx',
  async () => {
    onnxControl.current = breakable()
    const { answers, ...parts } = controlled(onnxControl.current, isBroken)
    const matcher = await onnxMatcher()
    return { matcher, ...parts, enrolled: subjectsOf(matcher), close: () => matcher.close() }
  },
  { ...complete, methods: [...complete.methods, 'embed'] },
  runner,
)

describe('with PostgreSQL', () => {
  let database: TestDatabase
  let sface: OnnxMatcher
  let tenants = 0
  beforeAll(async () => {
    onnxControl.current = undefined
    database = await openDatabase()
    sface = await onnxMatcher()
    await database.pool.query(pgvectorMigration({ dimension: sface.dimension }))
  })
  afterAll(async () => {
    await sface.close()
    await database[Symbol.asyncDispose]()
  })

  describeMatcher(
    'pgvector',
    async () => {
      const control = breakable()
      const tenant = `tenant-${++tenants}`
      const pool = {
        query: (text: string, values: unknown[]) => control.through(() => database.pool.query(text, values)),
      }
      const enrolled = async (): Promise<string[]> => {
        const { rows } = await database.pool.query('select subject from face_templates where tenant = $1', [tenant])
        return rows.map(({ subject }) => subject)
      }
      return { matcher: pgvector(pool, sface, { tenant }), ...controlled(control, isBroken), enrolled }
    },
    { ...complete, methods: [...complete.methods, 'embed'] },
    runner,
  )
})
