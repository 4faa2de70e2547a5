import { describe, expect, it } from 'vitest'
import { DiffiqaError, ERROR_CODES, type ErrorCode } from '../../src/errors.ts'
import { qualityRejected } from '../../src/gate/quality-rejected.ts'
import { faceQualityHeader } from '../../src/plugin/face-quality-header.ts'
import { ERROR_DOCS, toProblem } from '../../src/plugin/problem.ts'
import { verdictOf } from '../fixtures/probes.ts'

const scored = (value: number) =>
  ({ value, sigma: 0.0312, method: 'combined', raw: 1.2345, modelVersion: 'v' }) as const

describe('problem details', () => {
  it('have type, title, status, detail and code for every code', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      const { status, title } = ERROR_CODES[code]
      const problem = toProblem(new DiffiqaError(code))
      expect(problem).toEqual({ type: `${ERROR_DOCS}${code}`, title, status, detail: title, code })
    }
  })

  it('of a quality refusal tell a rounded score, its method, the threshold and the reasons', () => {
    const advice = 'Hold still.'
    const verdict = verdictOf({
      decision: 'reject',
      score: scored(0.123456),
      thresholds: { rejectBelow: 0.4, acceptFrom: 0.7 },
      reasons: [
        { code: 'blur', measure: 'sharpness', value: 0.0123456, threshold: 0.3, advice },
        { code: 'low_score', measure: 'score', value: 0.123456, threshold: 0.4, advice },
      ],
    })
    const problem = toProblem(qualityRejected(verdict, 'probe'))
    expect(problem).toMatchObject({ status: 422, score: 0.12, sigma: 0.03, method: 'combined', threshold: 0.4 })
    expect(problem.reasons?.map(({ code }) => code)).toEqual(['blur', 'low_score'])
    expect(problem.detail).toContain(advice)
    expect(JSON.stringify(problem)).not.toMatch(/0\.1234|1\.2345/)
  })

  it('carry the reasons of a refused photo, and nothing else of the details', () => {
    const reasons = [
      { code: 'too_small', measure: 'inter-eye-distance', value: 8.1234, threshold: 13, advice: 'Come closer.' },
    ]
    const problem = toProblem(
      new DiffiqaError('face-too-small', undefined, { details: { reasons, faces: 1, secret: 'x' } }),
    )
    expect(problem.reasons).toEqual([{ ...reasons[0], value: 8.12 }])
    expect(Object.keys(problem).sort()).toEqual(['code', 'detail', 'reasons', 'status', 'title', 'type'])
  })

  it('hold nothing of the cause, and no message of a failure of the service', () => {
    const cause = new Error('/home/somebody/model.onnx')
    for (const code of ['scoring-failed', 'model-missing', 'unreadable-image', 'worker-crashed'] as const)
      expect(JSON.stringify(toProblem(new DiffiqaError(code, undefined, { cause })))).not.toContain('somebody')
    expect(toProblem(new DiffiqaError('model-missing', 'No /srv/models/x.onnx')).detail).toBe('A model file is missing')
    expect(toProblem(new DiffiqaError('missing-field', 'Send it in "photo"')).detail).toBe('Send it in "photo"')
  })
})

describe('the Face-Quality header', () => {
  it.each([
    ['accept', 0.8678, 'accept;score=0.87;method=combined'],
    ['down-weight', 0.5, 'down-weight;score=0.5;method=combined'],
    ['reject', 0.004, 'reject;score=0.0;method=combined'],
    ['accept', 1, 'accept;score=1.0;method=combined'],
  ] as const)('is a structured field: %s %d', (decision, value, header) => {
    expect(faceQualityHeader(verdictOf({ decision, score: scored(value) }))).toBe(header)
    // RFC 9651: token, then parameters whose values are a decimal and a token.
    expect(header).toMatch(/^[a-z][a-z-]*;score=\d\.\d{1,2};method=[a-z][a-z-]*$/)
  })

  it('says when there is no score', () => {
    expect(faceQualityHeader(verdictOf({ degraded: true, score: undefined }))).toBe('accept;degraded')
  })
})
