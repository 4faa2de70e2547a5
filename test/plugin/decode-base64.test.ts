import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBase64 } from '../../src/plugin/decode-base64.ts'

const maxBytes = 1000
const codeOf = (text: string, options = {}): string => {
  try {
    decodeBase64(text, { maxBytes, ...options })
    return 'decoded'
  } catch (error) {
    return (error as { code: string }).code
  }
}
const wrap = (text: string): string => text.replace(/.{76}/g, '$&\r\n')

describe('base64 as clients send it', () => {
  it('gives the same bytes for every way of writing them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), (bytes) => {
        const plain = Buffer.from(bytes).toString('base64')
        const ways = [
          plain,
          wrap(plain),
          `\n ${plain}\n`,
          Buffer.from(bytes).toString('base64url'),
          plain.replace(/=+$/, ''),
          `data:image/jpeg;base64,${plain}`,
          `data:image/jpeg;charset=utf-8;base64,${plain}`,
          `DATA:IMAGE/JPEG;BASE64,${plain}`,
          `data:;base64,${wrap(plain)}`,
        ]
        for (const way of ways) expect(decodeBase64(way, { maxBytes })).toEqual(Buffer.from(bytes))
      }),
      { numRuns: 50 },
    )
  })

  it.each(['@@@@', 'QUJD!', 'A', 'QUJDR', 'QQ=', 'QUI==', '=QUJ', 'Q=UJ', 'QUJD====', 'data:image/jpeg,abc', 'ÄÖÜß'])(
    'refuses %s',
    (text) => expect(codeOf(text)).toBe('invalid-base64'),
  )

  it.each(['', '  \r\n', 'data:image/png;base64,', 'data:image/png;base64, \n'])('calls %j empty', (text) =>
    expect(codeOf(text)).toBe('empty-body'),
  )

  it('counts decoded bytes against the limit', () => {
    const text = (bytes: number): string => Buffer.alloc(bytes, 1).toString('base64')
    expect(codeOf(wrap(text(1000)))).toBe('decoded')
    expect(codeOf(text(1001))).toBe('payload-too-large')
    expect(codeOf('A'.repeat(20_000_000))).toBe('payload-too-large')
  })

  it('wants the prefix where a data URL is expected', () => {
    expect(codeOf('QUJD', { dataUrl: true })).toBe('invalid-base64')
    expect(codeOf('data:image/png;base64,QUJD', { dataUrl: true })).toBe('decoded')
  })

  it('takes no longer for hostile text than for a photo', () => {
    const start = performance.now()
    for (const text of [
      'data:'.repeat(200_000),
      ' '.repeat(1_000_000),
      `${'A'.repeat(1_000_000)}@`,
      '='.repeat(1_000_000),
    ])
      expect(codeOf(text, { maxBytes: 10_000_000 })).not.toBe('decoded')
    expect(performance.now() - start).toBeLessThan(500)
  })
})
