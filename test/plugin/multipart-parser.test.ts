import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMultipartParser } from '../../src/plugin/multipart-parser.ts'
import { BOUNDARY, FORM_TYPE, form, type Part, photoForm } from '../fixtures/http.ts'

async function parse(
  body: Uint8Array,
  options: { cuts?: number[]; maxBytes?: number; type?: string } = {},
): Promise<Buffer> {
  const parser = createMultipartParser(options.type ?? FORM_TYPE, 'photo', options.maxBytes ?? 10_000)
  let from = 0
  for (const cut of [...(options.cuts ?? []).sort((a, b) => a - b), body.length]) {
    parser.write(body.subarray(from, cut))
    from = cut
  }
  return parser.end()
}
const codeOf = (work: () => Promise<Buffer>): Promise<string> =>
  new Promise<Buffer>((resolve) => resolve(work())).then(
    () => 'parsed',
    (error) => error.code,
  )
const photo = (content: Uint8Array | string): Part => ({ name: 'photo', content, filename: 'a.jpg' })

describe('the photo of a form', () => {
  it('is found whatever the chunks look like and whatever it holds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        async (bytes, at) => {
          const body = form([
            { name: 'note', content: 'text' },
            photo(bytes),
            { name: 'other', content: 'x', filename: 'b' },
          ])
          const cuts = at.map((n) => n % body.length)
          expect(await parse(body, { cuts })).toEqual(Buffer.from(bytes))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('may contain the boundary without its line break', async () => {
    const bytes = Buffer.from(`x--${BOUNDARY}--\r\n-${BOUNDARY}\r--${BOUNDARY}`)
    expect(await parse(photoForm(bytes))).toEqual(bytes)
  })

  it('may have exactly the most bytes, and not one more', async () => {
    const bytes = randomBytes(200_000)
    expect(bytes.equals(await parse(photoForm(bytes), { maxBytes: 200_000 }))).toBe(true)
    expect(await codeOf(() => parse(photoForm(bytes), { maxBytes: 199_999 }))).toBe('payload-too-large')
  })

  it.each([
    ['another field', form([{ ...photo('x'), name: 'avatar' }]), 'missing-field'],
    ['no part', Buffer.from(`--${BOUNDARY}--\r\n`), 'missing-field'],
    ['text instead of a file', form([{ name: 'photo', content: 'x' }]), 'missing-field'],
    ['two files', form([photo('x'), photo('y')]), 'several-files'],
    ['a file without bytes', form([photo('')]), 'empty-body'],
    ['no closing boundary', form([photo('x')], { closed: false }), 'malformed-request'],
    ['an end within the part header', Buffer.from(`--${BOUNDARY}\r\nContent-Dis`), 'malformed-request'],
    ['an end within the file', photoForm('x'.repeat(900)).subarray(0, 500), 'malformed-request'],
    [
      'a broken part header',
      Buffer.from(`--${BOUNDARY}\r\nContent Disposition\r\n\r\nx\r\n--${BOUNDARY}--\r\n`),
      'malformed-request',
    ],
    ['another boundary', Buffer.from('--other\r\n\r\nx\r\n--other--\r\n'), 'malformed-request'],
    ['nothing of a form', randomBytes(5000), 'malformed-request'],
    ['too many files', form(Array.from({ length: 9 }, () => ({ ...photo('x'), name: 'a' }))), 'malformed-request'],
  ])('is refused with a code: %s', async (_what, body, code) => {
    expect(await codeOf(() => parse(body))).toBe(code)
  })

  it.each([
    'multipart/form-data',
    'multipart/form-data; boundary',
    'multipart/mixed; boundary=x',
    '',
    'multipart/form-data; boundary=',
  ])('needs a boundary: %s', async (type) => {
    expect(await codeOf(() => parse(photoForm('x'), { type }))).toBe('malformed-request')
  })

  it('refuses before the end of the body', async () => {
    const parser = createMultipartParser(FORM_TYPE, 'photo', 10)
    parser.write(photoForm('x'.repeat(100)).subarray(0, 180))
    await expect(parser.photo).rejects.toMatchObject({ code: 'payload-too-large', details: { maxBytes: 10 } })
    parser.write(Buffer.from('more after the refusal'))
  })

  it('names the expected field', async () => {
    const error = await parse(form([{ ...photo('x'), name: 'avatar' }])).catch((reason) => reason)
    expect(error.message).toContain('"photo"')
    expect(error.message).not.toContain('avatar')
  })
})
