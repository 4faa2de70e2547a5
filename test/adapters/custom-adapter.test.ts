import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { GalleryMatcher } from '../../src/adapters/embedding-matcher.ts'
import { guard } from '../../src/adapters/guard.ts'
import { createProbe } from '../../src/adapters/probe.ts'
import { fakeGate } from '../fixtures/fake-gate.ts'
import { assessmentOf } from '../fixtures/probes.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'

/** The adapter that docs/adapters/custom.md shows, run as it stands there. */
const FILE = join('test', 'adapters', `.custom-snippet-${process.pid}.mjs`)
let acme: (client: object) => GalleryMatcher

beforeAll(async () => {
  const [, snippet = ''] = /```js\n(import[\s\S]*?)```/.exec(readFileSync('docs/adapters/custom.md', 'utf8')) ?? []
  const adapter = snippet
    .replace(/^import \{ createGate.*$/m, '')
    .replace(/^const guarded.*$/m, '')
    .replace("'express-diffiqa/matcher'", JSON.stringify(pathToFileURL('src/matcher.ts').href))
  expect(adapter).toContain('defineAdapter({')
  writeFileSync(FILE, adapter)
  ;({ acme } = await import(pathToFileURL(FILE).href))
})
afterAll(() => rmSync(FILE, { force: true }))

function fakeClient() {
  return {
    search: vi.fn(async (_query: { image: Uint8Array; limit: number }, _options: object) => ({
      hits: [{ personId: 'ada', confidence: 91.5, faceId: 'f-1' }],
    })),
    compare: vi.fn(async () => ({ confidence: 40 })),
    add: vi.fn(async () => ({ faceId: 'f-2' })),
    delete: vi.fn(async () => {}),
  }
}

describe('the adapter of docs/adapters/custom.md', () => {
  it('works behind the gate with a real face: a JPEG of the face goes out, the own objects come back', async () => {
    const client = fakeClient()
    const guarded = guard(acme(client), fakeGate())
    const photo = await sampleFace('f')
    const assessment = await assessmentOf(photo)
    const quality = { ...assessment, bytes: photo, probe: createProbe(photo, assessment) }
    const { signal } = new AbortController()

    const { candidates } = await guarded.identify(quality, { limit: 3, signal })
    const [query, options] = client.search.mock.calls[0] as [{ image: Uint8Array; limit: number }, object]
    expect((await sharp(query.image).metadata()).format).toBe('jpeg')
    expect([query.limit, options]).toEqual([3, { signal }])
    expect(candidates).toEqual([
      {
        subject: 'ada',
        rawScore: 91.5,
        adjustedScore: 91.5,
        weight: 1,
        match: true,
        source: { personId: 'ada', confidence: 91.5, faceId: 'f-1' },
      },
    ])

    expect(await guarded.verify(quality, { subject: 'ada' })).toMatchObject({ rawScore: 40, match: false })
    expect(client.compare).toHaveBeenCalledWith({ image: query.image, person: 'ada' }, { signal: undefined })
    expect((await guarded.enrol('bo', quality)).source).toEqual({ faceId: 'f-2' })
    await guarded.remove('bo')
    expect(client.delete).toHaveBeenCalledWith({ person: 'bo' }, { signal: undefined })
  })
})
