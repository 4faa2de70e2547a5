import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { ResultFile } from '../../../src/cli/bulk/result-file.ts'
import { csvLineFormat, jsonLineFormat, type LineFormat, type ResultLine } from '../../../src/cli/bulk/result-line.ts'
import type { FaceRecord } from '../../../src/cli/face-record.ts'
import { UsageError } from '../../../src/cli/usage-error.ts'
import { parseCsv } from '../../../src/evaluation/csv.ts'

const root = mkdtempSync(join(tmpdir(), 'diffiqa-results-'))
afterAll(() => rmSync(root, { recursive: true }))
let count = 0
const fresh = (): string => join(root, `${count++}.out`)

const TASK = 'score/probe/balanced/tuned/fast'
const id = (n: number): string => `p${String(n).padStart(32, '0')}`
const record = (file: string): FaceRecord => ({
  file,
  face: 0,
  faces: 1,
  quality: 90,
  score: 0.9,
  sigma: 0.1,
  method: 'diffiqa-r',
  decision: 'accept',
  weight: 1,
  reasons: [],
  wouldEscalate: false,
  diffiqaR: null,
  diffiqa: null,
  combined: null,
  box: null,
  landmarks: null,
  confidence: null,
  interEyeDistance: null,
  pose: null,
  measures: {},
  photo: null,
  purpose: 'probe',
  thresholds: { rejectBelow: 0.4, acceptFrom: 0.6 },
  modelVersion: '1',
  timings: {
    totalMs: 1,
    queueMs: 1,
    decodeMs: 1,
    detectMs: 1,
    alignMs: 1,
    diffiqaRMs: 1,
    diffiqaMs: 0,
  },
})
const line = (n: number, file: string, failed = false, revision = '1 2'): ResultLine => ({
  id: id(n),
  task: TASK,
  revision,
  failed,
  answer: failed ? { file, error: { code: 'file-not-found', message: 'There is no such file' } } : record(file),
})

describe.each<[string, LineFormat]>([
  ['JSON Lines', jsonLineFormat],
  ['CSV', csvLineFormat('score')],
])('a file of results as %s', (_, format) => {
  /** Names as lists and folders may hold them: quotes, commas, line ends, other alphabets. */
  const name = fc.string({
    unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é', '\u{1F600}', '=', ' '),
    maxLength: 12,
  })

  it('cut off anywhere, goes on with the whole lines before the cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(name, fc.boolean()), { maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (files, share) => {
          const path = fresh()
          const lines = files.map(([file, failed], n) => line(n, file, failed))
          const ends: number[] = []
          {
            await using results = await ResultFile.open(path, format, TASK)
            for (const one of lines) {
              await results.append([one])
              ends.push(statSync(path).size)
            }
          }
          const whole = readFileSync(path)
          const cut = Math.floor(share * whole.length)
          writeFileSync(path, whole.subarray(0, cut))
          await using again = await ResultFile.open(path, format, TASK)
          expect([...again.known.keys()]).toEqual(
            lines.flatMap(({ id: one }, n) => ((ends[n] as number) <= cut ? [one] : [])),
          )
          await again.append(lines.filter(({ id: one }) => !again.known.has(one)))
          expect(readFileSync(path).equals(whole)).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('a line that is dropped makes room for another, and the others stay as they are', async () => {
    const path = fresh()
    {
      await using results = await ResultFile.open(path, format, TASK)
      await results.append([line(1, 'a\n"b"', true), line(2, 'c'), line(3, 'd', true)])
      await results.drop(new Set([id(1), id(9)]))
      await results.append([line(1, 'a\n"b"', false, '3 4')])
    }
    await using again = await ResultFile.open(path, format, TASK)
    expect([...again.known.values()].map((one) => [one.id, one.failed, one.revision])).toEqual([
      [id(2), false, '1 2'],
      [id(3), true, '1 2'],
      [id(1), false, '3 4'],
    ])
  })

  it.each([
    ['a text', 'remember the milk\n'],
    ['a text without line end', 'remember the milk'],
    ['a photo', '\xff\xd8\xff\xe0 JFIF'],
    ['another JSON', '{"file":"a.jpg"}\n'],
  ])('%s under that name is left alone', async (__, content) => {
    const path = fresh()
    writeFileSync(path, content)
    await expect(ResultFile.open(path, format, TASK)).rejects.toBeInstanceOf(UsageError)
    expect(readFileSync(path, 'utf8')).toBe(content)
  })

  it('results of another task are not mixed with these', async () => {
    const path = fresh()
    {
      await using results = await ResultFile.open(path, format, TASK)
      await results.append([line(1, 'a')])
    }
    await expect(ResultFile.open(path, format, 'score/probe/strict/tuned/fast')).rejects.toThrow(/holds results for/)
  })

  it('is nobody else’s to read', async () => {
    const path = fresh()
    await using results = await ResultFile.open(path, format, TASK)
    await results.append([line(1, 'a')])
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })
})

describe('a place that cannot be written', () => {
  it('a missing folder is a typed error', async () => {
    const opening = ResultFile.open(join(root, 'nowhere', 'r.jsonl'), jsonLineFormat, TASK)
    await expect(opening).rejects.toMatchObject({
      code: 'results-unwritable',
      status: 507,
      details: { system: 'ENOENT' },
    })
  })

  it('a device is refused, not replaced', async () => {
    const path = fresh()
    symlinkSync('/dev/full', path)
    await expect(ResultFile.open(path, jsonLineFormat, TASK)).rejects.toThrow(/no regular file/)
  })
})

describe('lines', () => {
  it('of CSV have a cell for each column, and start no formula', () => {
    for (const kind of ['score', 'audit'] as const) {
      const format = csvLineFormat(kind)
      const [header = []] = parseCsv(format.header)
      expect(new Set(header).size).toBe(header.length)
      const [failed = []] = parseCsv(format.write(line(1, '=cmd()', true)))
      expect(failed).toHaveLength(header.length)
      expect(failed[header.indexOf('file')]).toBe("'=cmd()")
      expect(failed[header.indexOf('error')]).toBe('file-not-found')
    }
    const format = csvLineFormat('score')
    const [header = []] = parseCsv(format.header)
    const [good = []] = parseCsv(format.write(line(1, 'a.jpg')))
    expect(good).toHaveLength(header.length)
    expect(['score', 'decision', 'error'].map((column) => good[header.indexOf(column)])).toEqual(['0.9', 'accept', ''])
  })
})
