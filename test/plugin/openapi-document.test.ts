import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../../src/errors.ts'
import { openApi } from '../../src/plugin/open-api.ts'
import { deviations, OPEN_API } from '../fixtures/openapi.ts'

// biome-ignore lint/suspicious/noExplicitAny: fragments of many shapes are looked into
type Fragment = any

const schemas: Fragment = OPEN_API.components.schemas
/** The document names what the fragment writes out. */
const resolved = ({ $ref, ...own }: Fragment): Fragment => ($ref ? { ...schemas[$ref.split('/').at(-1)], ...own } : own)

describe('docs/openapi.yaml', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(structuredClone(OPEN_API))
    expect(errors ?? []).toEqual([])
    expect([valid, validator.version]).toEqual([true, '3.1'])
  })

  it('has the problems that openApi() gives, and those of matchers and of the console', () => {
    const fragment: Fragment = openApi().components.schemas
    const given = fragment.FaceQualityProblem
    const written = schemas.FaceQualityProblem
    expect(written.required).toEqual(given.required)
    expect(Object.keys(written.properties)).toEqual(Object.keys(given.properties))
    for (const name of ['score', 'sigma', 'method', 'threshold'])
      expect(resolved(written.properties[name])).toEqual(given.properties[name])
    const codes: string[] = written.properties.code.enum
    expect(codes).toEqual(expect.arrayContaining(given.properties.code.enum))
    expect(Object.keys(ERROR_CODES)).toEqual(expect.arrayContaining(codes))
    expect(Object.keys(schemas.FaceQualityReason.properties)).toEqual(
      Object.keys(fragment.FaceQualityReason.properties),
    )
  })

  it('has every status that faceQuality() may answer with, at every gated route', () => {
    const statuses = Object.keys(openApi().responses)
    for (const [path, method] of [
      ['/people/{name}', 'put'],
      ['/identify', 'post'],
      ['/check', 'post'],
    ] as const)
      expect(Object.keys(OPEN_API.paths[path][method].responses)).toEqual(expect.arrayContaining(statuses))
  })
})

describe('the check of answers', () => {
  const problem = {
    type: 'https://example.org/#no-face',
    title: 'No face',
    status: 422,
    detail: 'No face',
    code: 'no-face',
  }
  const answer = { status: 422, type: 'application/problem+json', body: problem }

  it('takes what is described', () => {
    expect(deviations('POST', '/check', answer)).toEqual([])
    expect(deviations('PUT', '/people/ada', answer)).toEqual([])
    const body = { decision: 'accept', weight: 1 }
    expect(deviations('POST', '/check', { status: 200, type: 'application/json; charset=utf-8', body })).toEqual([])
  })

  it.each([
    ['an unknown code', { ...problem, code: 'no-idea' }],
    ['a missing title', { ...problem, title: undefined }],
    ['a field too many', { ...problem, stack: 'at …' }],
    ['a score above 1', { ...problem, score: 1.2 }],
    ['a type that is no address', { ...problem, type: 'not an address' }],
  ])('notices %s', (_, body) => {
    expect(deviations('POST', '/check', { ...answer, body: JSON.parse(JSON.stringify(body)) })).not.toEqual([])
  })

  it('notices other statuses, types and routes', () => {
    expect(deviations('POST', '/check', { ...answer, status: 418 })).toHaveLength(1)
    expect(deviations('POST', '/check', { ...answer, type: 'application/json' })).toHaveLength(1)
    expect(deviations('DELETE', '/check', answer)).toHaveLength(1)
    expect(deviations('POST', '/chuck', answer)).toHaveLength(1)
  })
})
