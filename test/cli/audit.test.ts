import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import sharp from 'sharp'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { guard } from '../../src/adapters/guard.ts'
import { onnxMatcher } from '../../src/adapters/onnx.ts'
import { parseCsv } from '../../src/evaluation/csv.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { testGate } from '../fixtures/gate.ts'
import { SAMPLE_FACES, type SampleFace, sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'
import { CLI, jsonLines, runCli } from './run-cli.ts'

// Each run is a process that loads the networks; on a busy machine that takes seconds.
vi.setConfig({ testTimeout: 180_000 })

const root = mkdtempSync(join(tmpdir(), 'diffiqa-audit-'))
afterAll(() => rmSync(root, { recursive: true }))

const blurred = async (name: SampleFace, sigma: number): Promise<Buffer> =>
  sharp(await sampleFace(name))
    .blur(sigma)
    .jpeg({ quality: 95 })
    .toBuffer()

function put(path: string, bytes: Uint8Array | string): void {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), bytes)
}

const audit = (...args: string[]) => runCli(['audit', '-j1', ...args], { cwd: root })
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const csv = (path: string): Record<string, string>[] => {
  const [header = [], ...rows] = parseCsv(read(path))
  return rows.map((row) => Object.fromEntries(header.map((name, i) => [name, row[i] ?? ''])))
}

/** A name that would do harm where it is not escaped. */
const EVIL = `<img src=x onerror=alert(1)>"'&\u202e`

describe('audit of a folder', () => {
  test('G07: blurred photos among ten are the worst three, and nothing is written with --json', async () => {
    for (const name of SAMPLE_FACES) put(`ten/${name}.jpg`, await sampleFace(name))
    for (const name of ['a', 'b', 'c'] as const) put(`ten/smeared-${name}.jpg`, await blurred(name, 8))
    const before = readdirSync(root)
    const { code, stdout, stderr } = await audit('ten', '--json')
    expect([code, stderr]).toEqual([0, ''])
    const lines = jsonLines(stdout)
    const worst = lines[0] as { reasons: { code: string }[] }
    expect(lines).toHaveLength(10)
    expect(
      lines
        .slice(0, 3)
        .map(({ file }) => file)
        .sort(),
    ).toEqual(['ten/smeared-a.jpg', 'ten/smeared-b.jpg', 'ten/smeared-c.jpg'])
    expect(worst).toMatchObject({ action: 're-enrol', decision: 'reject' })
    expect(worst.reasons[0]).toMatchObject({ code: 'blur', advice: expect.any(String) })
    expect(lines.map(({ score }) => score)).toEqual(lines.map(({ score }) => score as number).sort((a, b) => a - b))
    expect(readdirSync(root)).toEqual(before)
  })

  /** The least blur that costs a probe some of its weight and an enrolment its place; which that is hangs on the weights. */
  async function goodEnoughForProbesOnly(gate: Gate): Promise<Buffer> {
    for (let sigma = 2; sigma < 8; sigma += 0.25) {
      const photo = await blurred('c', sigma)
      const [probe, enrolment] = [await gate.assess(photo), await gate.assess(photo, { purpose: 'enrolment' })]
      if (probe.verdict.decision === 'down-weight' && enrolment.verdict.decision === 'reject') return photo
    }
    throw new Error('no blur is good enough for probes only')
  }

  test('says of each photo what guarded.enrol() does with it, by stricter thresholds than those for probes', async () => {
    await using gate = await testGate({ escalationBudget: 1 })
    put('mixed/mild.jpg', await goodEnoughForProbesOnly(gate))
    const { stdout } = await audit('ten', 'mixed', '--json')
    await using matcher = await onnxMatcher()
    const guarded = guard(matcher, gate)
    for (const line of jsonLines(stdout)) {
      const bytes = readFileSync(join(root, line.file as string))
      const enrolled = await guarded.enrol(line.file as string, bytes).then(
        ({ verdict }) => verdict.decision,
        (error) => (error.code === 'quality-rejected' ? 'reject' : error.code),
      )
      expect([line.file, enrolled]).toEqual([line.file, line.decision])
    }
    const mild = readFileSync(join(root, 'mixed/mild.jpg'))
    expect((await guarded.identify(mild)).verdict.decision).toBe('down-weight')
    await expect(guarded.enrol('mild', mild)).rejects.toMatchObject({ code: 'quality-rejected' })
    expect(matcher.gallery.has('mild')).toBe(false)
  })

  test('writes a page and a table that are safe to open, for the user alone', async () => {
    put(`people/${EVIL}/1.jpg`, await sampleFace('d'))
    put('people/cleo/good.jpg', await sampleFace('c'))
    put('people/cleo/bad.jpg', await blurred('c', 8))
    put('people/three.jpg', samplePhoto(2))
    put('people/=1+1.jpg', 'no photo')
    const secret = await sharp(await blurred('e', 8))
      .withExif({ IFD0: { Copyright: 'a-secret-in-exif' } })
      .jpeg()
      .toBuffer()
    put('people/eve.jpg', secret)
    const { code, stdout, stderr } = await audit('people', '--out', 'report')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/People to re-enrol +4\n.*remove +1\n/)
    expect(statSync(join(root, 'report')).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(root, 'report')).sort()).toEqual(['audit.csv', 'audit.html', 'audit.jsonl'])
    for (const name of readdirSync(join(root, 'report')))
      expect(statSync(join(root, 'report', name)).mode & 0o777).toBe(0o600)

    const page = read('report/audit.html')
    expect(page).toContain(`content="default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-`)
    expect(page).not.toMatch(/<script|<link|<iframe|url\(|https?:|onerror=alert\(1\)>/)
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;\\u{202e}')
    const sources = [...page.matchAll(/src="([^"]*)"/g)].map(([, source]) => source as string)
    expect(sources).toHaveLength(4)
    for (const source of sources) {
      const bytes = Buffer.from(source.replace(/^data:image\/jpeg;base64,/, ''), 'base64')
      const { format, width, height, exif } = await sharp(bytes).metadata()
      expect([format, exif]).toEqual(['jpeg', undefined])
      expect(Math.max(width, height)).toBeLessThanOrEqual(160)
    }
    expect(secret.includes('a-secret-in-exif')).toBe(true)
    expect(read('report/audit.jsonl')).not.toContain('base64')

    const rows = csv('report/audit.csv')
    expect(Object.fromEntries(rows.map(({ file, subject, action }) => [file, [subject, action]]))).toEqual({
      'people/=1+1.jpg': ["'=1+1", 're-enrol'],
      'people/three.jpg': ['three', 're-enrol'],
      'people/eve.jpg': ['eve', 're-enrol'],
      [`people/${EVIL}/1.jpg`]: [EVIL, 're-enrol'],
      'people/cleo/bad.jpg': ['cleo', 'remove'],
      'people/cleo/good.jpg': ['cleo', 'keep'],
    })
    expect(rows.find(({ file }) => file === 'people/three.jpg')).toMatchObject({
      error: 'several-faces',
      reasons: 'several_faces',
      advice: expect.stringContaining('only one person'),
    })
  })

  test('leaves pictures out, and all but the worst, when asked to', async () => {
    await audit('people', '--out', 'report', '--no-pictures', '--top', '2')
    const page = read('report/audit.html')
    expect(page).not.toContain('<img ')
    expect(page.match(/<li>.*no picture/g)).toHaveLength(2)
    expect(page).toMatch(/And 2 photos more/)
    expect(csv('report/audit.csv')).toHaveLength(6)
  })
})

describe('audit that is broken off', () => {
  const COUNT = 14
  const names = Array.from({ length: COUNT }, (_, i) => `many/p${String(i).padStart(2, '0')}.jpg`)
  const journal = (): string[] => {
    try {
      return read('many-report/audit.jsonl').split('\n').slice(0, -1)
    } catch {
      return []
    }
  }

  /** Runs until some photos are judged, then sends a signal. */
  async function breakOff(signal: NodeJS.Signals): Promise<{ code: number | null; stderr: string }> {
    const had = journal().length
    const child = spawn(process.execPath, [CLI, 'audit', 'many', '-j1', '--out', 'many-report'], { cwd: root })
    let stderr = ''
    child.stderr.on('data', (chunk) => (stderr += chunk))
    const ended = new Promise<number | null>((done) => child.once('exit', done))
    while (journal().length < had + 3 && child.exitCode === null) await sleep(5)
    child.kill(signal)
    return { code: await ended, stderr }
  }

  test('goes on after kill -9 and after Ctrl-C, with exactly one line a photo', async () => {
    const faces = await Promise.all(SAMPLE_FACES.map((name) => sampleFace(name)))
    for (const [i, name] of names.entries()) put(name, faces[i % faces.length] as Buffer)

    await breakOff('SIGKILL')
    const killed = journal()
    expect(killed.length).toBeGreaterThanOrEqual(3)
    expect(killed.length).toBeLessThan(COUNT)
    // What a power cut leaves: half a line.
    writeFileSync(join(root, 'many-report/audit.jsonl'), `${killed.join('\n')}\n${killed[0]?.slice(0, 70)}`)

    const { code, stderr } = await breakOff('SIGINT')
    expect(code).toBe(130)
    expect(stderr).toMatch(/interrupted after \d+ of 14 photos; the same command goes on/)
    const interrupted = journal()
    expect(interrupted.slice(0, killed.length)).toEqual(killed)
    expect(readdirSync(join(root, 'many-report'))).toEqual(['audit.jsonl'])

    expect((await audit('many', '--out', 'many-report')).code).toBe(0)
    const done = journal()
    expect(done.slice(0, interrupted.length)).toEqual(interrupted)
    expect(done.map((line) => JSON.parse(line).file).sort()).toEqual(names)
    expect(
      csv('many-report/audit.csv')
        .map(({ file }) => file)
        .sort(),
    ).toEqual(names)
  })

  test('looks again only at what is new, changed, or judged by other thresholds', async () => {
    const before = new Map(journal().map((line) => [JSON.parse(line).file, line]))
    rmSync(join(root, names[0] as string))
    put(names[1] as string, await blurred('c', 8))
    cpSync(join(root, names[2] as string), join(root, 'many/new.jpg'))
    expect((await audit('many', '--out', 'many-report')).code).toBe(0)
    const after = new Map(journal().map((line) => [JSON.parse(line).file, line]))
    expect([...after.keys()].sort()).toEqual(['many/new.jpg', ...names.slice(1)])
    for (const name of names.slice(2)) expect(after.get(name)).toBe(before.get(name))
    expect(JSON.parse(after.get(names[1] as string) as string)).toMatchObject({ decision: 'reject' })

    await audit('many', '--out', 'many-report', '--policy', 'strict')
    const strict = journal().map((line) => JSON.parse(line))
    expect(strict).toHaveLength(COUNT)
    expect(new Set(strict.map(({ thresholds }) => thresholds.rejectBelow)).size).toBe(1)
    expect(strict[0].thresholds.rejectBelow).toBeGreaterThan(
      JSON.parse(after.get('many/new.jpg') as string).thresholds.rejectBelow,
    )
  })
})

describe('audit of a list', () => {
  test('by photos, by the quality that was kept, and neither', async () => {
    put(
      'lists/gallery.csv',
      [
        'subject,quality,file,enrolled',
        'Ada,0.99,../ten/smeared-a.jpg,2026',
        '"Bo, the second",0.95,,2026',
        'Cleo,0.5,,2026',
        'Dan,,,2026',
        'Eve,,gone.jpg,2026',
        'Cleo,0.5,,2026',
      ].join('\r\n'),
    )
    const { code, stdout } = await audit('--list', 'lists/gallery.csv', '--json')
    expect(code).toBe(2)
    const answers = jsonLines(stdout).map(({ subject, action, method, error }) => [
      subject,
      action,
      (error as { code: string } | null)?.code ?? method,
    ])
    expect(answers).toEqual([
      ['Ada', 're-enrol', expect.stringMatching(/diffiqa-r|combined/)],
      ['Cleo', 're-enrol', 'kept'],
      ['Bo, the second', 'keep', 'kept'],
      ['Dan', 'unknown', 'no-photo'],
      ['Eve', 'unknown', 'file-not-found'],
    ])
  })

  test.each([
    [['--list', 'nowhere.csv'], /invalid-option: nowhere\.csv cannot be read/],
    [['--list', 'lists/no-subject.csv'], /invalid-option: .*subject/],
    [['--list', 'lists/quality.csv'], /quality of Ada must be from 0 to 1, not 80/],
    [['--list', 'lists/nobody.csv'], /nobody is listed/],
    [['--list', 'lists/gallery.csv', 'ten'], /not both/],
    [[], /name at least one file or folder/],
    [['lists'], /no image files in lists/],
    [['ten', '--top', '-1'], /--top/],
    [['ten', '--polcy', 'strict'], /did you mean --policy/],
    [['ten', '--out', 'lists/gallery.csv'], /EEXIST/],
    [['ten', '--models', 'lists'], /model-missing/],
  ])('refuses %j', async (args, message) => {
    put('lists/no-subject.csv', 'file\na.jpg\n')
    put('lists/quality.csv', 'subject,quality\nAda,80\n')
    put('lists/nobody.csv', 'subject,file\n')
    const { code, stdout, stderr } = await audit(...args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(message)
  })

  test('--help', async () => {
    const { code, stdout } = await audit('--help')
    expect(code).toBe(0)
    expect(stdout).toContain('Usage: express-diffiqa audit')
  })
})
