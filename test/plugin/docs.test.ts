import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DiffiqaError, ERROR_CODES } from '../../src/errors.ts'
import { openApi } from '../../src/plugin/open-api.ts'
import { resolveOptions } from '../../src/plugin/options.ts'
import { ERROR_DOCS, toProblem } from '../../src/plugin/problem.ts'

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

describe('docs/errors.md', () => {
  const text = read('errors.md')

  it('has one section for each code, and none else', () => {
    const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, code]) => code)
    expect(sections.toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted())
  })

  it('says the status of each code', () => {
    for (const section of text.split(/^## /m).slice(1)) {
      const [code, status] = section.split('\n\n') as [keyof typeof ERROR_CODES, string]
      expect(`${code} ${status.slice(0, 3)}`).toBe(`${code} ${ERROR_CODES[code].status}`)
    }
  })

  it('is where the problems point to', () => {
    const { type } = toProblem(new DiffiqaError('no-face'))
    expect(type).toBe(`${ERROR_DOCS}no-face`)
    expect(type).toMatch(/^https:\/\/.+\/docs\/errors\.md#no-face$/)
  })
})

describe('docs/http.md', () => {
  const text = read('http.md')

  it('has one row for each option', () => {
    const table = text.slice(text.indexOf('## Options'), text.indexOf('## Sources'))
    const rows = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, option]) => option)
    expect(rows.toSorted()).toEqual(Object.keys(resolveOptions()).toSorted())
  })

  it('has the statuses that openApi() tells', () => {
    const table = text.slice(text.indexOf('## Answers'), text.indexOf('## Beside it'))
    const documented = [...table.matchAll(/^\| (\d{3})\b[^|]*\| (.+) \|$/gm)].flatMap(([, status, codes]) =>
      [...(codes ?? '').matchAll(/`([\w-]+)`/g)].map(([, code]) => `${status} ${code}`),
    )
    const told = Object.entries(openApi().responses).flatMap(([status, response]) =>
      [...(response as { description: string }).description.matchAll(/`([\w-]+)`/g)].map(
        ([, code]) => `${status} ${code}`,
      ),
    )
    expect(documented.toSorted()).toEqual(told.toSorted())
    for (const line of told) {
      const [status, code] = line.split(' ') as [string, keyof typeof ERROR_CODES]
      expect(ERROR_CODES[code].status).toBe(Number(status))
    }
  })
})

describe('openApi()', () => {
  it('refers only to what it has', () => {
    const fragment = openApi()
    const text = JSON.stringify(fragment)
    const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name as string)
    expect(new Set(references)).toEqual(new Set(Object.keys(fragment.components.schemas)))
  })
})
