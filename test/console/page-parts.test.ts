import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toCsv } from '../../src/console/page/csv.ts'
import { judgeFace, rowsOf } from '../../src/console/page/rows.ts'
import { EMPTY, isInForce, reduce, type State, type Trial, trialOf } from '../../src/console/page/state.ts'
import { limitOf } from '../../src/console/page/words.ts'
import type { FaceAnswer, SettingsAnswer } from '../../src/console/wire.ts'

const face = (value: number, measures = {}): FaceAnswer =>
  ({
    score: { value, sigma: 0.1, method: 'diffiqa-r', raw: 0, modelVersion: '1' },
    fast: { value, sigma: 0.1, method: 'diffiqa-r', raw: 0, modelVersion: '1' },
    full: null,
    measures,
    box: { x: 1, y: 2, width: 3, height: 4 },
  }) as unknown as FaceAnswer

const item = (name: string, ...values: number[]) => ({
  id: name.length,
  name,
  answer: {
    purpose: 'probe' as const,
    photo: { width: 10, height: 10, format: 'jpeg' },
    faces: values.map((value) => face(value)),
    bystanders: [],
  },
})

const trial: Trial = { purpose: 'probe', rejectBelow: 0.4, acceptFrom: 0.7, minWeight: 0.8 }

describe('judging again', () => {
  it('decides and advises as the gate does, by the thresholds under trial', () => {
    const blurred = face(0.5, { sharpness: 0.1 })
    expect(judgeFace(blurred, trial)).toMatchObject({ decision: 'down-weight', reasons: [{ code: 'blur' }, {}] })
    expect(judgeFace(blurred, { ...trial, rejectBelow: 0.6 })).toMatchObject({ decision: 'reject', weight: 0 })
    expect(judgeFace(blurred, { ...trial, acceptFrom: 0.5 })).toMatchObject({ decision: 'accept', reasons: [] })
  })

  it('never refuses fewer when the threshold rises', () => {
    const items = [item('photo', 0.1, 0.3, 0.5, 0.7, 0.9)]
    const refused = (rejectBelow: number): number =>
      rowsOf(items, { ...trial, rejectBelow, acceptFrom: 1 }).filter(({ outcome }) => outcome === 'reject').length
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(fc.property(share, share, (a, b) => refused(Math.min(a, b)) <= refused(Math.max(a, b))))
  })

  it('has a row for each face, and one for a photo without', () => {
    const problem = { code: 'no-face', status: 422, title: 'No face', detail: '', reasons: [] }
    const rows = rowsOf(
      [
        item('two', 0.9, 0.1),
        { id: 9, name: 'none', problem },
        { id: 10, name: 'lost', problem: { ...problem, status: 0 } },
        { id: 11, name: 'waits' },
      ],
      trial,
    )
    expect(rows.map(({ outcome, index }) => [outcome, index])).toEqual([
      ['accept', 0],
      ['reject', 1],
      ['refused', 0],
      ['failed', 0],
      ['working', 0],
    ])
  })
})

describe('limits of measures', () => {
  it('are those of the reasons', () => {
    expect(limitOf('sharpness', 0.1)).toEqual({ text: 'at least 0.32', kept: false })
    expect(limitOf('head-pose-yaw', -80)).toMatchObject({ kept: false })
    expect(limitOf('head-pose-yaw', -3)).toMatchObject({ kept: true })
    expect(limitOf('over-exposure', 0.1)).toEqual({ text: 'at most 20 %', kept: true })
  })
})

describe('the CSV', () => {
  const read = (text: string): string[][] =>
    text
      .trimEnd()
      .split('\r\n')
      .map((line) => line.split(','))

  it('has a line for each row, with the verdict by the thresholds under trial', () => {
    const [header, first, second] = read(toCsv(rowsOf([item('a.jpg', 0.9, 0.1)], trial), trial)) as string[][]
    const cell = (line: string[] | undefined, name: string) => line?.[header?.indexOf(name) ?? -1]
    expect(first).toHaveLength(header?.length ?? 0)
    expect([cell(first, 'photo'), cell(first, 'face'), cell(first, 'decision'), cell(first, 'score')]).toEqual([
      'a.jpg',
      '0',
      'accept',
      '0.9',
    ])
    expect([cell(second, 'decision'), cell(second, 'reject_below')]).toEqual(['reject', '0.4'])
  })

  it.each(['=cmd()', '+1', '-1', '@x', '\t=1'])('lets the name %j be no formula', (name) => {
    const lines = toCsv(rowsOf([item(name, 0.9)], trial), trial).split('\r\n')
    expect(lines[1]?.startsWith(`'${name}`)).toBe(true)
  })

  it('quotes what separates cells', () => {
    expect(toCsv(rowsOf([item('a "b", c.jpg', 0.9)], trial), trial)).toContain('\r\n"a ""b"", c.jpg",0,')
  })
})

describe('the state', () => {
  const set = (rejectBelow: number) => ({ rejectBelow, acceptFrom: 0.9, minWeight: 0.8 })
  const settings = { policy: 'balanced', thresholds: { probe: set(0.5), enrolment: set(0.6) } } as SettingsAnswer
  const loaded = reduce(EMPTY, { type: 'settings', settings })
  const changed = { policy: 'custom', thresholds: { probe: set(0.7), enrolment: set(0.8) } } as const

  it('follows the gate as long as nothing is under trial', () => {
    expect(loaded.trial).toEqual(trialOf(settings, 'probe'))
    expect(reduce(loaded, { type: 'in-force', change: changed }).trial?.rejectBelow).toBe(0.7)
  })

  it('leaves a trial alone when the gate changes', () => {
    const trying: State = reduce(loaded, { type: 'trial', trial: { ...trialOf(settings, 'probe'), rejectBelow: 0.1 } })
    expect(isInForce(trying.trial as Trial, settings)).toBe(false)
    const after = reduce(trying, { type: 'in-force', change: changed })
    expect(after.trial?.rejectBelow).toBe(0.1)
    expect(after.settings?.policy).toBe('custom')
  })

  it('shows the first of the photos that came together', () => {
    const state = reduce(loaded, {
      type: 'add',
      items: [
        { id: 4, name: 'a' },
        { id: 5, name: 'b' },
      ],
    })
    expect(state.selected).toEqual({ id: 4, face: 0 })
    expect(reduce(state, { type: 'add', items: [] })).toBe(state)
    expect(reduce(state, { type: 'clear' })).toMatchObject({ items: [], selected: undefined })
  })
})
