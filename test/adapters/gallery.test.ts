import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cosine, MemoryGallery, requireEmbedding } from '../../src/adapters/gallery.ts'

const model = { modelId: 'a' }
const basis = (index: number, length = 4): number[] => Array.from({ length }, (_, i) => (i === index ? 1 : 0))

function filled(): MemoryGallery {
  const gallery = new MemoryGallery()
  gallery.add('ada', basis(0), { ...model, quality: 0.9 })
  gallery.add('bo', [1, 1, 0, 0], model)
  gallery.add('cy', basis(2), model)
  return gallery
}

describe('MemoryGallery', () => {
  it('finds the closest people first, by cosine, whatever the length of the embedding', () => {
    const matches = filled().search([5, 0.1, 0, 0], { ...model, limit: 2 })
    expect(matches.map((match) => match.template.subject)).toEqual(['ada', 'bo'])
    expect(matches[0]?.score).toBeCloseTo(5 / Math.hypot(5, 0.1), 6)
    expect(matches[0]?.template.quality).toBe(0.9)
    expect(matches[1]?.template.quality).toBeUndefined()
  })

  it('keeps people of equal score in the order of enrolment', () => {
    const gallery = new MemoryGallery()
    for (const subject of ['z', 'a', 'm']) gallery.add(subject, basis(1), model)
    expect(gallery.search(basis(1), { ...model, limit: 3 }).map((m) => m.template.subject)).toEqual(['z', 'a', 'm'])
  })

  it('keeps its own copy of the numbers, unscaled', () => {
    const gallery = new MemoryGallery()
    const embedding = Float32Array.of(3, 4)
    gallery.add('ada', embedding, model)
    embedding.fill(9)
    expect([...gallery.get('ada').embedding]).toEqual([3, 4])
    expect(gallery.get('ada').length).toBe(5)
  })

  it('can be written out and filled again', () => {
    const copy = new MemoryGallery()
    for (const { subject, embedding, quality } of filled())
      copy.add(subject, embedding, quality === undefined ? model : { ...model, quality })
    expect([...copy]).toEqual([...filled()])
  })

  it.each([
    ['a string', 'abcd'],
    ['a base64 string', 'AAAA'],
    ['undefined', undefined],
    ['null', null],
    ['an object', { 0: 1, length: 1 }],
    ['an empty list', []],
    ['NaN', [1, Number.NaN, 0, 0]],
    ['an infinity', [1, Number.POSITIVE_INFINITY, 0, 0]],
    ['a number too large for float32', [1, 1e300, 0, 0]],
    ['text among the numbers', [1, '2', 0, 0]],
    ['undefined among the numbers', [1, undefined, 0, 0]],
    ['only zeros', [0, 0, 0, 0]],
  ])('refuses %s for an embedding and stays as it was', (_, embedding) => {
    const gallery = filled()
    const before = [...gallery]
    expect(() => gallery.add('dee', embedding as number[], model)).toThrow(
      expect.objectContaining({ code: 'invalid-embedding' }),
    )
    expect(() => gallery.search(embedding as number[], { ...model, limit: 1 })).toThrow(
      expect.objectContaining({ code: 'invalid-embedding' }),
    )
    expect([...gallery]).toEqual(before)
  })

  it.each([
    ['empty', ''],
    ['blank', '  \t'],
    ['over 128 characters', 'x'.repeat(129)],
    ['with a line break', 'ada\nlovelace'],
    ['with a null character', 'ada\0'],
    ['with half a surrogate pair', 'ada\ud83d'],
    ['a number', 5],
    ['null', null],
  ])('refuses an identifier that is %s, without repeating it', (_, subject) => {
    const gallery = filled()
    expect(() => gallery.add(subject as string, basis(3), model)).toThrow(
      expect.objectContaining({ code: 'invalid-subject', details: {} }),
    )
    expect(gallery.size).toBe(3)
  })

  it('takes the longest identifier and letters of any script', () => {
    const gallery = filled()
    for (const subject of ['x'.repeat(128), 'Zoë 🦊', '王小明', 'constructor', '__proto__']) {
      gallery.add(subject, basis(3), model)
      expect(gallery.get(subject).subject).toBe(subject)
    }
    expect(gallery.size).toBe(8)
  })

  it('refuses people who are there already and people who are not', () => {
    const gallery = filled()
    expect(() => gallery.add('ada', basis(3), model)).toThrow(expect.objectContaining({ code: 'subject-exists' }))
    expect(() => gallery.remove('dee')).toThrow(expect.objectContaining({ code: 'subject-unknown' }))
    expect(() => gallery.get('dee')).toThrow(expect.objectContaining({ code: 'subject-unknown' }))
    expect(gallery.size).toBe(3)
    expect([...gallery.get('ada').embedding]).toEqual(basis(0))
  })

  it('never mixes embeddings of two networks', () => {
    const gallery = filled()
    const otherLength = { code: 'embedding-mismatch', details: { galleryLength: 4, modelLength: 8 } }
    expect(() => gallery.add('dee', basis(0, 8), { modelId: 'b' })).toThrow(expect.objectContaining(otherLength))
    expect(() => gallery.search(basis(0, 8), { modelId: 'b', limit: 1 })).toThrow(expect.objectContaining(otherLength))
    const otherModel = { code: 'embedding-mismatch', details: { galleryModel: 'a', model: 'c' } }
    expect(() => gallery.add('dee', basis(0), { modelId: 'c' })).toThrow(expect.objectContaining(otherModel))
    expect(() => gallery.search(basis(0), { modelId: 'c', limit: 1 })).toThrow(expect.objectContaining(otherModel))
    expect(() => gallery.requireModel('c')).toThrow(expect.objectContaining(otherModel))
    expect([gallery.size, gallery.modelId, gallery.dimension]).toEqual([3, 'a', 4])
  })

  it('is free for another network once nobody is left, unless it was bound from the start', () => {
    const gallery = filled()
    for (const { subject } of [...gallery]) gallery.remove(subject)
    gallery.add('ada', basis(0, 8), { modelId: 'b' })
    expect([gallery.modelId, gallery.dimension]).toEqual(['b', 8])

    const bound = new MemoryGallery({ modelId: 'a' })
    expect(() => bound.add('ada', basis(0), { modelId: 'b' })).toThrow(
      expect.objectContaining({ code: 'embedding-mismatch' }),
    )
    bound.add('ada', basis(0), model)
    bound.remove('ada')
    expect(() => bound.requireModel('b')).toThrow(expect.objectContaining({ code: 'embedding-mismatch' }))
  })

  it('refuses a quality outside of 0..1 and a missing model id', () => {
    const gallery = filled()
    for (const quality of [-0.1, 1.1, Number.NaN])
      expect(() => gallery.add('dee', basis(0), { ...model, quality })).toThrow(
        expect.objectContaining({ code: 'invalid-option' }),
      )
    expect(() => gallery.add('dee', basis(0), { modelId: '' })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
    expect(gallery.size).toBe(3)
  })
})

describe('cosine', () => {
  it('stays within -1..1, is symmetric, and 1 for parallel embeddings', () => {
    const vector = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(vector, vector, fc.float({ min: 0.5, max: 50, noNaN: true }), (x, y, factor) => {
        fc.pre(Math.hypot(...x) > 0.01 && Math.hypot(...y) > 0.01)
        const [a, b] = [requireEmbedding(x), requireEmbedding(y)]
        expect(Math.abs(cosine(a, b))).toBeLessThanOrEqual(1)
        expect(cosine(a, b)).toBe(cosine(b, a))
        expect(cosine(a, requireEmbedding(x.map((value) => value * factor)))).toBeCloseTo(1, 5)
      }),
    )
  })
})
