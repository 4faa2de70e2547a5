import { describe, expect, test } from 'vitest'
import { faceRecords } from '../../src/cli/face-record.ts'
import { csvFormatter } from '../../src/cli/format-csv.ts'
import { jsonFormatter } from '../../src/cli/format-json.ts'
import { ofiqFormatter } from '../../src/cli/format-ofiq.ts'
import { tableFormatter } from '../../src/cli/format-table.ts'
import type { ScoredFile } from '../../src/cli/scored-file.ts'
import type { Verdict } from '../../src/gate/types.ts'
import { OFIQ_MEASURES } from '../../src/quality/ofiq.ts'
import { assessment, fastVerdict, fullVerdict } from './assessment.ts'

function scored(file: string, ...verdicts: [Verdict, ...Verdict[]]): ScoredFile {
  const made = assessment(...verdicts)
  return { file, assessment: made, records: faceRecords(made, { file, modelVersion: 'm1' }) }
}

const failed: ScoredFile = { file: 'bad.jpg', problem: { code: 'no-face', message: 'No face was found in the photo' } }

/** RFC 4180, strictly. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let rest = text
  while (rest !== '') {
    const [whole, quoted, plain, end] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest) ?? []
    if (whole === undefined) throw new Error(`not CSV: ${JSON.stringify(rest.slice(0, 40))}`)
    row.push(quoted === undefined ? (plain as string) : quoted.replaceAll('""', '"'))
    if (end === '\r\n') {
      rows.push(row)
      row = []
    }
    rest = rest.slice(whole.length)
  }
  return rows
}

describe('face records', () => {
  const [fast, full] = faceRecords(assessment(fastVerdict, fullVerdict), {
    file: 'a.jpg',
    modelVersion: 'm1',
    crops: ['out/a.jpg.0.png', 'out/a.jpg.1.png'],
  })

  test('hold what DifFIQA(R) says, and null for what did not run', () => {
    expect(fast).toMatchObject({
      file: 'a.jpg',
      face: 0,
      faces: 2,
      quality: 50,
      score: 0.5,
      sigma: 0.125,
      method: 'diffiqa-r',
      decision: 'down-weight',
      wouldEscalate: true,
      diffiqaR: { value: 0.5, sigma: 0.125, raw: -1.5 },
      diffiqa: null,
      combined: null,
      crop: 'out/a.jpg.0.png',
    })
  })

  test('hold all three scores with full DifFIQA', () => {
    expect(full).toMatchObject({
      face: 1,
      quality: 81,
      score: 0.8125,
      method: 'combined',
      diffiqaR: { value: 0.5 },
      diffiqa: { value: 0.75, raw: 2.5, terms: fullVerdict.full?.terms },
      combined: { value: 0.8125, raw: 1.25, sigma: 0.03125 },
    })
  })

  test('say null where a verdict has no score', () => {
    const { score: _, fast: __, face: ___, ...rest } = fastVerdict
    const none: Verdict = { ...rest, score: undefined, fast: undefined, face: undefined, decision: 'reject' }
    const [record] = faceRecords(assessment(none), { file: 'a.jpg', modelVersion: 'm1' })
    expect(record).toMatchObject({ quality: null, score: null, diffiqaR: null, box: null, modelVersion: 'm1' })
    expect(
      JSON.parse(jsonFormatter.format({ file: 'a.jpg', assessment: assessment(none), records: [record as never] })),
    ).toMatchObject({ quality: null })
  })
})

describe('JSON Lines', () => {
  test('one object per face and line, whatever the name holds', () => {
    const name = 'odd\n"näme"\u2028.jpg'
    const lines = jsonFormatter.format(scored(name, fastVerdict, fullVerdict)).split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { file: name, face: 0 },
      { file: name, face: 1 },
    ])
  })

  test('a failure is a record of its own', () => {
    expect(JSON.parse(jsonFormatter.format(failed))).toEqual({
      file: 'bad.jpg',
      error: { code: 'no-face', message: 'No face was found in the photo' },
    })
  })
})

describe('CSV', () => {
  test('header and rows have the same columns; odd names survive', () => {
    const name = 'a "b", c;\r\nd.jpg'
    const text = csvFormatter.header + csvFormatter.format(scored(name, fastVerdict, fullVerdict))
    const [header, first, second, ...more] = parseCsv(text)
    expect(more).toEqual([])
    expect(new Set(header).size).toBe(header?.length)
    const row = (cells?: string[]) => Object.fromEntries((header as string[]).map((column, i) => [column, cells?.[i]]))
    expect(first).toHaveLength(header?.length as number)
    expect(row(first)).toMatchObject({
      file: name,
      face: '0',
      quality: '50',
      decision: 'down-weight',
      reasons: 'blur',
      would_escalate: 'true',
      diffiqa: '',
      combined_raw: '',
      box_x: '88.25',
      right_eye_x: '250.5',
      measure_sharpness: '0.1',
      measure_eyes_open: '',
      total_ms: '12.5',
      crop: '',
    })
    expect(row(second)).toMatchObject({ diffiqa_raw: '2.5', diffiqa_terms: 'forward@20=0.875 mirror@0=0.5' })
  })
})

describe('OFIQ', () => {
  test("OFIQ's header, one row per photo about its largest face", () => {
    expect(ofiqFormatter.header).toBe(
      `${['Filename', ...OFIQ_MEASURES, ...OFIQ_MEASURES.map((m) => `${m}.scalar`), 'assessment_time_in_ms'].join(';')}\n`,
    )
    const cells = ofiqFormatter
      .format(scored('a.jpg', fullVerdict, fastVerdict))
      .trimEnd()
      .split(';')
    expect(cells).toHaveLength(2 + 2 * OFIQ_MEASURES.length)
    expect(cells[0]).toBe('a.jpg')
    expect(cells[1 + OFIQ_MEASURES.length]).toBe('81')
    const scalars = cells.slice(1 + OFIQ_MEASURES.length, -1).map(Number)
    expect(scalars.every((scalar) => Number.isInteger(scalar) && scalar >= -1 && scalar <= 100)).toBe(true)
  })
})

describe('table', () => {
  test('one line per face, under the header, with no control characters', () => {
    const lines = (tableFormatter.header + tableFormatter.format(scored('\u001b[31mx\n.jpg', fastVerdict, fullVerdict)))
      .trimEnd()
      .split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/^QUALITY {2}SCORE/)
    expect(lines[1]).toMatch(/50 {2}0\.500 {2}0\.125 {2}diffiqa-r {2}down-weight 0\.90 +yes +10[01]px +88,168 222x288/)
    expect(lines[1]).toContain('\\u{1b}[31mx\\u{a}.jpg#0')
    expect(lines[1]?.endsWith('blur')).toBe(true)
    expect(lines[0]?.indexOf('FILE#FACE')).toBe(lines[2]?.indexOf('\\u{1b}'))
  })
})

test.each([csvFormatter, ofiqFormatter, tableFormatter])(
  'formats without a place for failures leave them out',
  (format) => {
    expect([format.tellsProblems, format.format(failed)]).toEqual([false, ''])
  },
)
