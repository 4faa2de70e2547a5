import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import ts from 'typescript'
import { afterAll, describe, expect, it } from 'vitest'
import { fakeService, type Reply, type SeenRequest } from '../fixtures/fake-service.ts'
import { testPhotos } from '../fixtures/likeness.ts'
import { acmeRestService } from '../fixtures/services/acme-rest.ts'
import { azureFaceService } from '../fixtures/services/azure-face.ts'
import { comprefaceService } from '../fixtures/services/compreface.ts'
import { deepfaceService } from '../fixtures/services/deepface.ts'
import { frigateService } from '../fixtures/services/frigate.ts'
import { DIMENSION, insightFaceService } from '../fixtures/services/insightface-rest.ts'
import { People } from '../fixtures/services/people.ts'
import { regulaService } from '../fixtures/services/regula.ts'
import { rekognitionService } from '../fixtures/services/rekognition.ts'
import { runRecipe, snippetsOf } from './recipe.ts'

const pages = readdirSync('docs/adapters').map((file) => file.replace(/\.md$/, ''))
const photos = await testPhotos()
const SLOW = 180_000

/** A recipe that needs a service, and how it is led to the one of the tests. */
interface Remote {
  readonly service: (people: People) => (request: SeenRequest) => Promise<Reply>
  readonly change?: (url: string) => (code: string) => string
  readonly env?: (url: string) => Record<string, string>
}

const instead = (from: string, to: string) => (code: string) => {
  if (!code.includes(from)) throw new Error(`The recipe has no ${from}`)
  return code.replace(from, to)
}

const REMOTE: Record<string, Remote> = {
  http: {
    service: acmeRestService,
    change: (url) => instead('http://localhost:4000', url),
    env: () => ({ ACME_KEY: 'secret' }),
  },
  compreface: {
    service: comprefaceService,
    change: (url) => instead('http://localhost:8000', url),
    env: () => ({ COMPREFACE_RECOGNITION_KEY: 'rec', COMPREFACE_VERIFICATION_KEY: 'ver' }),
  },
  regula: {
    service: regulaService,
    change: (url) => instead('http://localhost:41101', url),
    env: () => ({ REGULA_GROUP: 'g1' }),
  },
  rekognition: {
    service: rekognitionService,
    env: (url) => ({ AWS_ENDPOINT_URL: url, AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' }),
  },
  'azure-face': {
    service: azureFaceService,
    // The client refuses plain HTTP, which only the tests use.
    change: () =>
      instead("(process.env.FACE_KEY ?? ''))", "(process.env.FACE_KEY ?? ''), { allowInsecureConnection: true })"),
    env: (url) => ({ FACE_ENDPOINT: url, FACE_KEY: 'key' }),
  },
}

/** The services of docs/adapters/http.md that come ready: name, service, and what differs from the vendor's here. */
const PRESETS: [string, Remote['service'], (code: string) => string][] = [
  ['deepface', () => deepfaceService, (code) => code],
  ['insightFaceRest', () => insightFaceService, instead("'w600k_r50',", `'w600k_r50', dimension: ${DIMENSION},`)],
  ['frigate', frigateService, (code) => code],
]

/** Enrol one person, find that person again and nobody else, refuse a photo that is too poor. */
async function tryOut(recipe: Awaited<ReturnType<typeof runRecipe>>): Promise<void> {
  expect(await recipe.send('/people/fay', photos.person, 'PUT')).toEqual({ status: 201, body: { subject: 'fay' } })
  expect(await recipe.send('/people/cleo', photos.other, 'PUT')).toMatchObject({ status: 201 })
  const again = await recipe.send('/people/fay', photos.again, 'PUT')
  expect(again).toMatchObject({ status: 409, body: { code: 'subject-exists' } })
  const { status, body } = await recipe.send('/identify', photos.again)
  expect(status).toBe(200)
  const matches = (body as { subject: string; match: boolean }[]).filter(({ match }) => match)
  expect(matches).toMatchObject([{ subject: 'fay' }])
  const poor = await sharp(photos.person).blur(14).jpeg().toBuffer()
  expect(await recipe.send('/identify', poor)).toMatchObject({ status: 422, body: { code: 'quality-rejected' } })
}

describe('the recipes of docs/adapters, as they stand there', () => {
  it.each(Object.entries(REMOTE))(
    '%s, against a local service',
    async (page, { service, change, env }) => {
      const server = await fakeService()
      server.answer = service(new People())
      try {
        await using recipe = await runRecipe(page, {
          ...(change && { change: change(server.url) }),
          env: env?.(server.url) ?? {},
        })
        await tryOut(recipe)
      } finally {
        await server.close()
      }
    },
    SLOW,
  )

  it(
    'face-api',
    async () => {
      await using recipe = await runRecipe('face-api', {})
      await tryOut(recipe)
    },
    SLOW,
  )

  it(
    'human',
    async () => {
      const place = resolve('examples/minimal-server/load-human.js')
      await using recipe = await runRecipe('human', { change: instead('./load-human.js', place) })
      await tryOut(recipe)
    },
    SLOW,
  )

  it(
    'pgvector, with PGlite as its page shows it',
    async () => {
      const pglite = snippetsOf('pgvector').find((code) => code.includes('PGlite.create')) as string
      const pool = /^const pool = .*\n/m
      const change = (code: string): string =>
        `${pglite}\n${code.replace(pool, '').replace("import pg from 'pg'\n", '')}`
      await using recipe = await runRecipe('pgvector', { change })
      await tryOut(recipe)
    },
    SLOW,
  )

  it(
    'onnx',
    async () => {
      const file = join('test', 'docs', `.onnx-${process.pid}.mjs`)
      const [snippet = ''] = snippetsOf('onnx')
      const folder = mkdtempSync(join(tmpdir(), 'recipe-'))
      writeFileSync(join(folder, 'ada.jpg'), photos.person)
      writeFileSync(join(folder, 'somebody.jpg'), photos.again)
      writeFileSync(file, snippet)
      try {
        const output = execFileSync(process.execPath, [resolve(file)], { cwd: folder, encoding: 'utf8' })
        expect(output.trim()).toMatch(/^(accept|down-weight) ada true$/)
      } finally {
        rmSync(file, { force: true })
        rmSync(folder, { recursive: true, force: true })
      }
    },
    SLOW,
  )

  it.each(PRESETS)(
    'http.md: %s, against a local service',
    async (name, service, change) => {
      const server = await fakeService()
      server.answer = service(new People())
      const snippet = snippetsOf('http').find((code) => code.includes(`${name}(`)) as string
      const file = join('test', 'docs', `.${name}-${process.pid}.mjs`)
      const folder = mkdtempSync(join(tmpdir(), 'recipe-'))
      const [person, again] = [join(folder, 'person.jpg'), join(folder, 'again.jpg')]
      writeFileSync(person, photos.person)
      writeFileSync(again, photos.again)
      const use = `
        import { readFile } from 'node:fs/promises'
        await guarded.enrol('fay', await readFile(process.argv[2]))
        const { candidates } = await guarded.identify(await readFile(process.argv[3]))
        console.log(candidates.map(({ subject }) => subject).join())
        process.exit()`
      writeFileSync(file, change(snippet).replace(/http:\/\/localhost:\d+/, server.url) + use)
      try {
        const { stdout } = await promisify(execFile)(process.execPath, [resolve(file), person, again])
        expect(stdout.trim()).toBe('fay')
      } finally {
        rmSync(file, { force: true })
        rmSync(folder, { recursive: true, force: true })
        await server.close()
      }
    },
    SLOW,
  )

  it('runs each page’s', () => {
    const run = [...Object.keys(REMOTE), 'face-api', 'human', 'pgvector', 'onnx']
    // custom.md is run by test/adapters/custom-adapter.test.ts, testing.md by test/conformance/node-test.test.ts.
    expect([...run, 'custom', 'testing'].toSorted()).toEqual(pages.toSorted())
  })
})

/** What a page leaves to its reader. */
const WITHIN: readonly (readonly [string, string])[] = [
  ['./load-human.js', '../../examples/minimal-server/load-human.js'],
  ['./open-acme.js', '../conformance/fixtures/open-acme.mjs'],
  ['guard(acme(client),', 'guard(acme({}),'],
]

describe('the types of the recipes', () => {
  const files: string[] = []
  afterAll(() => {
    for (const file of files) rmSync(file, { force: true })
  })

  it(
    'are right in each snippet that imports something',
    () => {
      for (const page of pages)
        for (const [index, code] of snippetsOf(page).entries()) {
          if (!/^import /m.test(code)) continue
          const file = resolve('test', 'docs', `.types-${page}-${index}-${process.pid}.mjs`)
          writeFileSync(
            file,
            WITHIN.reduce((text, [from, to]) => text.replace(from, to), code),
          )
          files.push(file)
        }
      const program = ts.createProgram(files, {
        allowJs: true,
        checkJs: true,
        noEmit: true,
        strict: true,
        // A recipe is JavaScript: what a function is given is known from where it is used, or not at all.
        noImplicitAny: false,
        skipLibCheck: true,
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        types: ['node'],
      })
      const problems = files.flatMap((file) => {
        const source = program.getSourceFile(file)
        return [...program.getSemanticDiagnostics(source), ...program.getSyntacticDiagnostics(source)].map(
          ({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
        )
      })
      expect(problems).toEqual([])
    },
    SLOW,
  )
})
