import { cpSync, existsSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { OFIQ_MEASURES } from '../../src/quality/ofiq.ts'
import { makePhotos } from './photos.ts'
import { type CliOptions, jsonLines, runCli } from './run-cli.ts'

// Each run is a process that loads the networks; on a busy machine that takes seconds.
vi.setConfig({ testTimeout: 120_000 })

const root = await makePhotos()
afterAll(() => rmSync(root, { recursive: true }))

const score = (args: string[], options: CliOptions = {}) => runCli(['score', ...args], { cwd: root, ...options })

const GOOD = ['good/one-a.jpg', 'good/one-f.jpg', 'good/sub/one-c.png', 'good/three.jpg']
const withoutTimings = (text: string) => jsonLines(text).map(({ timings, ...rest }) => JSON.stringify(rest))

describe('score --json', () => {
  test('a folder: one record per face, in order, and nothing but JSON', async () => {
    const { code, stdout, stderr } = await score(['good', '--json'])
    expect([code, stderr]).toEqual([0, ''])
    const records = jsonLines(stdout)
    expect([...new Set(records.map(({ file }) => file))]).toEqual(GOOD)
    expect(records.filter(({ file }) => file === 'good/three.jpg').map(({ face }) => face)).toEqual([0, 1, 2])
    for (const record of records) {
      expect(record.score).toBeGreaterThanOrEqual(0)
      expect(record.score).toBeLessThanOrEqual(1)
      expect(record.sigma).toBeGreaterThanOrEqual(0)
      expect(record.quality).toBe(Math.round(100 * (record.score as number)))
      expect(record).toMatchObject({
        method: 'diffiqa-r',
        decision: expect.stringMatching(/^(accept|down-weight|reject)$/),
        weight: expect.any(Number),
        reasons: expect.any(Array),
        wouldEscalate: expect.any(Boolean),
        diffiqaR: { value: record.score, sigma: record.sigma, raw: expect.any(Number) },
        diffiqa: null,
        combined: null,
        box: { x: expect.any(Number), y: expect.any(Number), width: expect.any(Number), height: expect.any(Number) },
        landmarks: Array(5).fill({ x: expect.any(Number), y: expect.any(Number) }),
        confidence: expect.any(Number),
        interEyeDistance: expect.any(Number),
        measures: { sharpness: expect.any(Number) },
        purpose: 'probe',
        modelVersion: expect.stringMatching(/./),
        timings: { totalMs: expect.any(Number) },
      })
    }
    expect(records.find(({ file }) => file === 'good/one-f.jpg')).toMatchObject({
      photo: { width: 500, height: 700, format: 'jpeg' },
      faces: 1,
    })
  })

  test('G06: the same file gives the same line, run after run, with one thread and with two', async () => {
    const first = await score([...GOOD, '--json', '--jobs', '1'])
    expect(withoutTimings(first.stdout).length).toBeGreaterThan(GOOD.length)
    const second = await score(['good', '--json', '-j2'])
    expect(withoutTimings(second.stdout)).toEqual(withoutTimings(first.stdout))
    const alone = await score([GOOD[1] as string, '--json'])
    expect(withoutTimings(alone.stdout)).toEqual([withoutTimings(first.stdout)[1]])
  })

  test('G06: nor does full DifFIQA change', async () => {
    const files = ['good/one-a.jpg', 'good/one-f.jpg', 'good/sub/one-c.png', '--full', '--json']
    const [one, two] = [await score([...files, '--jobs=1']), await score([...files, '--jobs=2'])]
    expect(withoutTimings(two.stdout)).toEqual(withoutTimings(one.stdout))
    for (const record of jsonLines(one.stdout)) {
      const { diffiqaR, diffiqa, combined } = record as Record<string, { value: number; terms?: unknown[] }>
      for (const part of [diffiqaR, diffiqa, combined]) expect(part?.value).toBeGreaterThanOrEqual(0)
      expect(diffiqa?.terms?.length).toBeGreaterThan(0)
      expect(record).toMatchObject({ method: 'combined', score: combined?.value })
    }
    const fast = jsonLines((await score(['good/one-a.jpg', '--json'])).stdout)[0]
    expect(jsonLines(one.stdout)[0]).toMatchObject({ diffiqaR: fast?.diffiqaR, wouldEscalate: fast?.wouldEscalate })
  })

  test('G01: a HEVC photo called .jpg is named, the next one is scored, exit code 2', async () => {
    const { code, stdout, stderr } = await score(['-j1', '--json', 'bad/phone.jpg', 'good/one-f.jpg'])
    expect([code, stderr]).toEqual([2, ''])
    const [heic, good, ...more] = jsonLines(stdout)
    expect(more).toEqual([])
    expect(heic).toMatchObject({
      file: 'bad/phone.jpg',
      error: { code: 'unsupported-media-type', message: expect.stringContaining('HEIC') },
    })
    expect(good).toMatchObject({ file: 'good/one-f.jpg', score: expect.any(Number) })
  })

  test('every kind of bad file has its code and keeps its place', async () => {
    const { code, stdout } = await score(['-j1', '--json', 'missing.jpg', 'good/one-a.jpg', 'bad', 'good/one-f.jpg'])
    expect(code).toBe(2)
    const outcomes = jsonLines(stdout).map(({ file, error }) => [file, (error as { code: string })?.code ?? 'scored'])
    expect(outcomes).toEqual([
      ['missing.jpg', 'file-not-found'],
      ['good/one-a.jpg', 'scored'],
      ['bad/cut.jpg', 'unreadable-image'],
      ['bad/empty.jpg', 'empty-body'],
      ['bad/grey.png', 'no-face'],
      ['bad/phone.jpg', 'unsupported-media-type'],
      ['bad/text.jpg', 'unsupported-media-type'],
      ['good/one-f.jpg', 'scored'],
    ])
  })

  test('policy and purpose change the thresholds, never the score', async () => {
    const runs = await Promise.all([
      score(['--json', 'good/one-f.jpg', '--policy', 'lenient']),
      score(['--json', 'good/one-f.jpg', '--policy', 'strict', '--purpose', 'enrolment']),
    ])
    const records = runs.map(
      ({ stdout }) => jsonLines(stdout)[0] as { score: number; purpose: string; thresholds: { rejectBelow: number } },
    )
    expect(records.map(({ purpose }) => purpose)).toEqual(['probe', 'enrolment'])
    expect(new Set(records.map(({ score }) => score)).size).toBe(1)
    expect(new Set(records.map(({ thresholds }) => thresholds.rejectBelow)).size).toBe(2)
  })
})

describe('score in other formats', () => {
  test('a table by default, failures on standard error', async () => {
    const { code, stdout, stderr } = await score(['good/one-f.jpg', 'bad/phone.jpg', 'good/three.jpg', '-j1'])
    expect(code).toBe(2)
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^QUALITY/)
    expect(lines.slice(1).map((line) => /good\/\S+/.exec(line)?.[0])).toEqual([
      'good/one-f.jpg#0',
      'good/three.jpg#0',
      'good/three.jpg#1',
      'good/three.jpg#2',
    ])
    expect(stderr).toMatch(/^bad\/phone\.jpg: unsupported-media-type: .*HEIC/)
    expect(stderr).toContain('1 of 3 files could not be scored')
  })

  test('--csv has a row per face', async () => {
    const { code, stdout } = await score(['good/three.jpg', 'good/one-f.jpg', '--csv', '-j1'])
    expect(code).toBe(0)
    const rows = stdout.split('\r\n')
    expect(rows.map((row) => row.split(',')[0])).toEqual([
      'file',
      ...Array(3).fill('good/three.jpg'),
      'good/one-f.jpg',
      '',
    ])
    expect(new Set(rows.slice(0, -1).map((row) => row.split(',').length)).size).toBe(1)
  })

  test("--ofiq has OFIQ's columns and a row per photo", async () => {
    const { code, stdout, stderr } = await score(['good', 'bad/cut.jpg', '--ofiq', '-j1'])
    expect(code).toBe(2)
    const [header, ...rows] = stdout.trimEnd().split('\n')
    const scalars = OFIQ_MEASURES.map((name) => `${name}.scalar`)
    expect(header).toBe(['Filename', ...OFIQ_MEASURES, ...scalars, 'assessment_time_in_ms'].join(';'))
    expect(rows.map((row) => row.split(';')[0])).toEqual(GOOD)
    for (const row of rows) expect(row.split(';')).toHaveLength(2 + 2 * OFIQ_MEASURES.length)
    expect(stderr).toMatch(/^bad\/cut\.jpg: unreadable-image/)
  })
})

describe('score --crops', () => {
  test('writes each face as a 112 × 112 PNG under the path of its photo, and does not score its own output', async () => {
    const { code, stdout } = await score(['good', '--crops', 'good/crops', '--json', '-j1'])
    expect(code).toBe(0)
    const records = jsonLines(stdout)
    for (const { file, face, crop } of records) {
      expect(crop).toBe(`good/crops/${file}.${face}.png`)
      const metadata = await sharp(join(root, crop as string)).metadata()
      expect(metadata).toMatchObject({ format: 'png', width: 112, height: 112, channels: 3 })
    }
    expect(readdirSync(join(root, 'good/crops/good')).sort()).toEqual(
      ['one-a.jpg.0.png', 'one-f.jpg.0.png', 'sub', ...[0, 1, 2].map((i) => `three.jpg.${i}.png`)].sort(),
    )
    const again = await score(['good', '--crops', 'good/crops', '--json', '-j1'])
    expect(jsonLines(again.stdout)).toHaveLength(records.length)
    rmSync(join(root, 'good/crops'), { recursive: true })
  })

  test('a folder that cannot be made stops the work', async () => {
    const { code, stdout, stderr } = await score(['good/one-f.jpg', '--crops', 'bad/text.jpg/x', '-j1'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^express-diffiqa: ENOTDIR/)
  })
})

describe('score that is broken off', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => GOOD[i % 2] as string)

  test('a reader that goes away (| head -1) is no failure', async () => {
    const { code, stderr, stdout } = await score(['--json', '--jobs', '2', ...many(400)], {
      onOutput: (_text, child) => child.stdout?.destroy(),
    })
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.split('\n').length).toBeLessThan(100)
  })

  test.each([
    ['SIGINT', 130, '1'],
    ['SIGINT', 130, '2'],
    ['SIGTERM', 143, '2'],
  ] as const)('%s ends with %i after whole lines, --jobs %s', async (signal, expected, jobs) => {
    let sent = false
    const { code, stdout, stderr } = await score(['--json', '--jobs', jobs, ...many(400)], {
      onOutput: (_text, child) => {
        if (!sent) child.kill(signal)
        sent = true
      },
    })
    expect(code).toBe(expected)
    const records = jsonLines(stdout)
    expect(records.length).toBeLessThan(100)
    expect(records.every(({ error }) => error === undefined)).toBe(true)
    expect(stderr).toBe(`express-diffiqa: interrupted after ${records.length} files\n`)
  })

  test.runIf(existsSync('/dev/full'))('a full disk is told and ends the work', async () => {
    const { code, stderr } = await score(['--json', ...many(400)], { stdout: openSync('/dev/full', 'w') })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^express-diffiqa: ENOSPC/)
  })
})

describe('score that cannot begin', () => {
  test.each([
    [['--jsno', 'good'], /unknown option --jsno; did you mean --json\?/],
    [['--jobs', '0', 'good'], /--jobs must be a whole number/],
    [['--policy', 'strickt', 'good'], /did you mean strict\?/],
    [[], /name at least one file/],
    [['nothing'], /no image files in nothing/],
    [['good/one-f.jpg', '--models', 'nothing'], /model-missing: .*manifest\.json/],
  ])('%j: exit code 1, a message, nothing on standard output', async (args, message) => {
    const { code, stdout, stderr } = await score([...args, '--json'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(message)
    expect(stderr.split('\n').length).toBeLessThanOrEqual(3)
  })

  test('a model that was changed is refused by name', async () => {
    cpSync('models', join(root, 'changed'), { recursive: true, filter: (path) => !/training|cards/.test(path) })
    writeFileSync(join(root, 'changed/regressor.onnx'), 'x', { flag: 'a' })
    const { code, stderr } = await score(['good/one-f.jpg', '--models', 'changed'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^express-diffiqa: model-integrity: .*regressor\.onnx/)
  })
})
