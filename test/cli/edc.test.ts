import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseEdcOptions } from '../../src/cli/edc-options.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { type SampleFace, sampleFace } from '../fixtures/sample-faces.ts'
import { type CliRun, runCli } from './run-cli.ts'

const folder = mkdtempSync(join(tmpdir(), 'diffiqa-people-'))
const people = join(folder, 'people')
const contract = join(folder, 'sface.json')
const scores = join(folder, 'theirs.csv')
const out = join(folder, 'out')
afterAll(() => rmSync(folder, { recursive: true }))

beforeAll(async () => {
  for (const [person, face] of Object.entries({ ann: 'a', bob: 'b', cat: 'c' } satisfies Record<string, SampleFace>)) {
    mkdirSync(join(people, person), { recursive: true })
    const photo = await sampleFace(face)
    writeFileSync(join(people, person, '1.jpg'), photo)
    writeFileSync(join(people, person, '2.jpg'), await sharp(photo).blur(12).jpeg().toBuffer())
  }
  writeFileSync(join(people, 'cat', '3.png'), await sharp({ create: NOTHING }).png().toBuffer())
  writeFileSync(contract, JSON.stringify({ model: resolve('models/embedder.onnx'), fmr: 0.1 }))
  writeFileSync(scores, 'file,score\nann/1.jpg,1\nann/2.jpg,2\nbob/1.jpg,3\nbob/2.jpg,4\n')
})

const NOTHING = { width: 90, height: 90, channels: 3, background: '#777' } as const
const edc = (...args: string[]): Promise<CliRun> =>
  runCli(['edc', people, '--model', contract, '--rounds', '20', '-j', '1', ...args])

describe('edc', () => {
  test('compares our score and another on people of one’s own', async () => {
    const run = await edc(
      '--own',
      '--scores',
      `theirs=${scores}`,
      '--baselines',
      '--json',
      '--fnmr',
      '.9',
      '--out',
      out,
    )
    expect(run).toMatchObject({ code: 0, stderr: '' })
    const report = JSON.parse(run.stdout)
    expect(report).toMatchObject({
      photos: 7,
      people: 3,
      withoutFace: 1,
      genuinePairs: 1 + 1 + 3,
      limits: [0.05, 0.2, 0.3],
    })
    // The photo without a face is in two genuine pairs of cat's, which fail.
    expect(report.judges[0]).toMatchObject({ judge: 'sface', fmr: 0.1, rankable: false, impostors: 12 })
    expect(report.judges[0].failing).toBeGreaterThanOrEqual(2)
    const names = new Set(report.results.map(({ score }: { score: string }) => score))
    expect([...names]).toEqual([
      'diffiqa-r',
      'theirs',
      'detector confidence',
      'eye distance',
      'norm of sface',
      'random',
    ])
    expect(report.results[0].utility[2].value).toBeGreaterThan(0.9)
    expect(report.proposals.map(({ wanted }: { wanted: object }) => wanted)).toContainEqual({ fnmr: 0.9 })
    expect(readFileSync(join(out, 'result.json'), 'utf8')).toBe(run.stdout)
    expect(readFileSync(join(out, 'tables.md'), 'utf8')).toMatch(/^\| theirs \| mean \|/m)
    expect(readFileSync(join(out, 'curves.csv'), 'utf8')).toMatch(/^sface,oracle,0\.000000,0\.\d+$/m)
    const [header, ...rows] = readFileSync(join(out, 'scores.csv'), 'utf8').trim().split('\n')
    expect(header).toBe('file,diffiqa-r,theirs,detector confidence,eye distance,norm of sface,random')
    expect(rows).toHaveLength(7)
    expect(rows.at(-1)).toMatch(/^cat\/3\.png,,,,,,0\.\d+$/)
  })

  test('prints tables; pairs can be named, and those without a face left out', async () => {
    const pairs = join(folder, 'pairs.csv')
    const rows = ['ann/1.jpg,ann/2.jpg,1', 'cat/1.jpg,cat/3.png,1', 'ann/1.jpg,bob/1.jpg,0', 'ann/1.jpg,cat/1.jpg,0']
    writeFileSync(pairs, `first,second,same\n${rows.join('\n')}\n`)
    const { code, stdout } = await edc('--pairs', pairs, '--found-only')
    expect(code).toBe(0)
    expect(stdout).toMatch(/7 photos of 3 people, 1 genuine pairs; no face in 1 photos: their pairs are left out/)
    expect(stdout).toMatch(/Fewer than 30 pairs fail on sface/)
    expect(stdout).toMatch(/^\| diffiqa-r \| sface \| refuse at most 0\.2 \|/m)
  })

  test('degrades, compares across names, remembers embeddings and draws', async () => {
    const [cache, plots] = [join(folder, 'cache'), join(folder, 'plots')]
    const args = ['--cross', '1.*,2.*', '--degrade', 'hard', '--cache', cache, '--out', plots, '--plots', '--json']
    const first = await edc(...args)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    // cat/3.png fits neither pattern.
    expect(JSON.parse(first.stdout)).toMatchObject({ photos: 6, genuinePairs: 3, set: 'hard' })
    const remembered = readdirSync(cache, { recursive: true }).length
    expect(remembered).toBeGreaterThan(6)
    expect((await edc(...args)).stdout).toBe(first.stdout)
    expect(readdirSync(cache, { recursive: true })).toHaveLength(remembered)
    expect(readFileSync(join(plots, 'edc-sface.svg'), 'utf8')).toContain('oracle')
    expect(await sharp(join(plots, 'edc-sface.png')).metadata()).toMatchObject({ format: 'png', width: 1520 })
    const kept = await edc('--threshold', 'kept')
    expect(kept.stdout).toMatch(/Thresholds are set again on what is kept/)
  })

  test('says what is wrong in one line', async () => {
    const { code, stderr } = await edc('--scores', `x=${contract}`)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^express-diffiqa: invalid-option: .*needs a header line with file, score/)
    const empty = await runCli(['edc', out, '--model', contract, '-j', '1'])
    expect(empty).toMatchObject({ code: 1, stderr: expect.stringMatching(/no photos in .*one folder per person/) })
  })
})

describe('options', () => {
  test('have defaults', () => {
    expect(parseEdcOptions(['--help'])).toBeUndefined()
    expect(parseEdcOptions(['d', '--model', 'a.json', '--model', 'b.json', '-j', '1'])).toEqual({
      folder: 'd',
      models: ['a.json', 'b.json'],
      scores: [],
      own: true,
      full: false,
      baselines: false,
      foundOnly: false,
      set: 'natural',
      threshold: 'fixed',
      plots: false,
      fmr: 0.001,
      discard: [0.05, 0.2, 0.3],
      fnmr: [],
      rounds: 400,
      seed: '1',
      json: false,
      jobs: 1,
    })
    expect(parseEdcOptions(['d', '--model', 'a', '--scores', 'x=y'])?.own).toBe(false)
  })

  test.each([
    [[], /name the folder/],
    [['d'], /at least one recognition network/],
    [['d', 'e', '--model', 'a'], /also given e/],
    [['d', '--model', 'a', '--scores', 'x.csv'], /must be NAME=FILE/],
    [['d', '--model', 'a', '--scores', 'x=y', '--full'], /add --own/],
    [['d', '--model', 'a', '--discard', '.1,2'], /--discard must be between 0 and 1/],
    [['d', '--model', 'a', '--fmr', '.1,.2'], /takes one number/],
    [['d', '--model', 'a', '--rounds', '0'], /--rounds must be/],
    [['d', '--model', 'a', '--plots'], /add --out DIR/],
    [['d', '--model', 'a', '--cross', 'frontal_*'], /two patterns/],
    [['d', '--model', 'a', '--cross', 'a,b', '--pairs', 'p.csv'], /choose one/],
    [['d', '--model', 'a', '--degrade', 'hard', '--threshold', 'kept'], /not with --degrade/],
    [['d', '--model', 'a', '--degrade', 'mix'], /did you mean mixed/],
  ])('%j is refused', (args, message) => {
    expect(() => parseEdcOptions(args)).toThrow(UsageError)
    expect(() => parseEdcOptions(args)).toThrow(message)
  })
})
