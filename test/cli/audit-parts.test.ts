import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { auditedPhotos, countPeople } from '../../src/cli/audit-actions.ts'
import { gradeOf } from '../../src/cli/audit-grade.ts'
import type { AuditRecord } from '../../src/cli/audit-record.ts'
import { escapeHtml } from '../../src/cli/escape-html.ts'

const record = (subject: string, file: string, answer: Partial<AuditRecord>): AuditRecord => ({
  file,
  subject,
  revision: '',
  judgedBy: '',
  decision: null,
  score: null,
  sigma: null,
  method: null,
  reasons: [],
  error: null,
  box: null,
  thresholds: { rejectBelow: 0.6, acceptFrom: 0.8 },
  modelVersion: '1',
  ...answer,
})

const ANSWERS: readonly Partial<AuditRecord>[] = [
  { decision: 'accept', score: 0.9 },
  { decision: 'down-weight', score: 0.7 },
  { decision: 'reject', score: 0.3 },
  { error: { code: 'no-face', message: '' } },
  { error: { code: 'deadline-exceeded', message: '' } },
  { error: { code: 'file-unreadable', message: '' } },
  { error: { code: 'no-photo', message: '' } },
]

const records = fc
  .array(fc.record({ person: fc.integer({ min: 0, max: 4 }), answer: fc.constantFrom(...ANSWERS) }), { maxLength: 30 })
  .map((list) => list.map(({ person, answer }, i) => record(`p${person}`, `${i}.jpg`, answer)))

describe('actions', () => {
  test('a photo is the only one, or has better ones of the same person beside it', () => {
    fc.assert(
      fc.property(records, (list) => {
        const photos = auditedPhotos(list)
        expect(photos).toHaveLength(list.length)
        for (const photo of photos) {
          const own = list.filter(({ subject }) => subject === photo.subject)
          const [good, usable] = [
            own.some(({ decision }) => decision === 'accept'),
            own.some(({ decision }) => decision && decision !== 'reject'),
          ]
          const expected = {
            good: 'keep',
            poor: good ? 'keep' : 'improve',
            bad: usable ? 'remove' : 're-enrol',
            unknown: 'unknown',
          }
          expect(photo.action).toBe(expected[gradeOf(photo)])
        }
      }),
    )
  })

  test('each person is counted once, removals apart; the worst photo comes first and unknown ones last', () => {
    fc.assert(
      fc.property(records, (list) => {
        const photos = auditedPhotos(list)
        const people = countPeople(photos)
        expect(people.all).toBe(new Set(list.map(({ subject }) => subject)).size)
        expect(people.keep + people.improve + people['re-enrol'] + people.unknown).toBe(people.all)
        const order = photos.map(({ score, action }) => score ?? (action === 'unknown' ? 2 : -1))
        expect(order).toEqual([...order].sort((a, b) => a - b))
      }),
    )
  })

  test('a photo without a face is bad, one that could not be read may be good', () => {
    expect(ANSWERS.map((answer) => gradeOf(record('a', 'a', answer)))).toEqual([
      'good',
      'poor',
      'bad',
      'bad',
      'unknown',
      'unknown',
      'unknown',
    ])
  })
})

describe('escapeHtml', () => {
  test('leaves nothing that ends text or an attribute, or that cannot be seen', () => {
    const text = fc.string({ unit: fc.constantFrom(...`ab<>&"'\u202e\u0000\n\u2028`) })
    fc.assert(
      fc.property(text, (given) => {
        const escaped = escapeHtml(given)
        expect(escaped).not.toMatch(/[<>"'\p{Cc}\p{Cf}\u2028]/u)
        expect(escaped.replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&')
        const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
        const back = escaped
          .replace(/&([a-z0-9#]+);/g, (_, name) => entities[name] as string)
          .replace(/\\u\{([0-9a-f]+)\}/g, (_, hex) => String.fromCodePoint(Number.parseInt(hex, 16)))
        expect(back).toBe(given)
      }),
    )
  })
})
