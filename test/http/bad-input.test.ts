import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BOUNDARY, FORM_TYPE, form, type PostOptions, photoForm, until } from '../fixtures/http.ts'
import { sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'
import { sum } from '../metrics/series.ts'
import { animatedWebp, claimSize, flat, GIF, heicHeader, largeFlat, pngBomb, SVG, smallFace } from './pictures.ts'
import { type TrialServer, trialServer } from './trial-server.ts'

let server: TrialServer
let face: Buffer
beforeAll(async () => {
  face = await sampleFace('f')
  server = await trialServer()
  await server.send('/raw', face)
})
afterAll(() => server.close())

const isGood = async (): Promise<void> => {
  const matched = server.matched.length
  const { status, json } = await server.send('/raw', face)
  expect([status, json.candidate]).toEqual([200, 'somebody'])
  expect(server.matched.length).toBe(matched + 1)
}

/** Sent twice: the second time the worker has survived the first. */
async function isRefused(
  path: string,
  body: Uint8Array | string | undefined,
  expected: readonly (readonly [status: number, code: string])[],
  options: PostOptions = {},
): Promise<string[]> {
  const matched = server.matched.length
  const details: string[] = []
  for (let i = 0; i < 2; i++) {
    const { status, headers, json, ms } = await server.send(path, body, options)
    expect(expected.map((one) => one.join(' '))).toContain(`${status} ${json.code}`)
    expect(headers['content-type']).toBe('application/problem+json')
    expect(json.type).toBe(`https://github.com/express-diffiqa/express-diffiqa/blob/main/docs/errors.md#${json.code}`)
    expect([json.status, typeof json.title, typeof json.detail]).toEqual([status, 'string', 'string'])
    expect(ms).toBeLessThan(2000)
    details.push(json.detail)
  }
  expect(server.matched.length).toBe(matched)
  await isGood()
  return details
}

// Times are promises about the service, not about the machine that the tests share with other work.
const RETRY = { retry: 2 }

describe('pictures that are none, or broken', RETRY, () => {
  it.each([30, 60, 90, 99])('a JPEG cut off at %d percent', async (percent) => {
    await isRefused('/m', photoForm(face.subarray(0, (face.length * percent) / 100)), [[422, 'unreadable-image']], {
      type: FORM_TYPE,
    })
  })

  it('text that is called .jpg', () =>
    isRefused('/m', photoForm('This is not a picture.'), [[415, 'unsupported-media-type']], { type: FORM_TYPE }))

  it.each([
    ['SVG', SVG, 'image/svg+xml'],
    ['GIF', GIF, 'image/gif'],
    ['HEIC', heicHeader, 'image/jpeg'],
    ['HEIC', heicHeader, 'image/heic'],
  ])('%s', async (name, body, type) => {
    const before = sum(await server.metrics(), 'diffiqa_rejections_total', { reason: 'unsupported' })
    const [detail] = await isRefused('/raw', body, [[415, 'unsupported-media-type']], { type })
    expect(detail).toContain(name)
    expect(detail).toContain('JPEG')
    const samples = await server.metrics()
    expect(sum(samples, 'diffiqa_rejections_total', { reason: 'unsupported' })).toBe(before + 2)
    expect(sum(samples, 'diffiqa_worker_restarts_total')).toBe(0)
  })

  it('an AVIF, whatever it is called, is read', async () => {
    const avif = await sharp(face).avif({ quality: 80, effort: 0 }).toBuffer()
    const { status, json } = await server.send('/raw', avif)
    expect([status, json.candidate]).toEqual([200, 'somebody'])
  })

  it('a polyglot: HTML, PDF or GIF first', async () => {
    for (const head of ['<!doctype html><script>1</script>', '%PDF-1.7\n', 'GIF89a/*'])
      await isRefused('/raw', Buffer.concat([Buffer.from(head), face]), [[415, 'unsupported-media-type']])
  })

  it('a polyglot: a JPEG with an archive or a page behind its end is the JPEG', async () => {
    const plain = (await server.send('/raw', face)).json
    for (const tail of ['PK\x03\x04archive', '<html><script>1</script></html>']) {
      const { status, json } = await server.send('/raw', Buffer.concat([face, Buffer.from(tail, 'latin1')]))
      expect([status, json]).toEqual([200, plain])
    }
  })

  it('a PNG of 1 × 1', async () => {
    await isRefused('/raw', await flat(1, 1).png().toBuffer(), [[422, 'no-face']])
  })

  it('random bytes behind the magic numbers of every format', async () => {
    for (const magic of [
      '\xff\xd8\xff\xe0',
      '\x89PNG\r\n\x1a\n',
      'RIFF\x10\x00\x00\x00WEBPVP8 ',
      'II*\0',
      '\0\0\0\x18ftypavif',
    ])
      await isRefused('/raw', Buffer.concat([Buffer.from(magic, 'latin1'), Buffer.alloc(500, 0xa5)]), [
        [422, 'unreadable-image'],
      ])
  })
})

describe('pictures that are too much', RETRY, () => {
  it('a PNG that claims 30,000 × 30,000', async () => {
    const bomb = pngBomb(30_000, 30_000)
    expect(bomb.length).toBeLessThan(10_000)
    await isRefused('/m', photoForm(bomb), [[413, 'too-many-pixels']], { type: FORM_TYPE })
  })

  it('interlaced and progressive ones above the limit', async () => {
    await isRefused('/raw', pngBomb(30_000, 30_000, { interlaced: true }), [[413, 'too-many-pixels']])
    const jpeg = await flat(64, 64).jpeg({ progressive: true }).toBuffer()
    await isRefused('/raw', claimSize(jpeg, 60_000), [[413, 'too-many-pixels']])
  })

  it.each(['png', 'jpeg'] as const)(
    '49 megapixels, interlaced or progressive, within all limits: %s',
    async (format) => {
      const bomb = await largeFlat[format]()
      expect(bomb.length).toBeLessThan(2_000_000)
      const { status, json, ms } = await server.send('/short', bomb)
      expect(['422 no-face', '504 deadline-exceeded']).toContain(`${status} ${json.code}`)
      expect(ms).toBeLessThan(2000)
      // A decoder cannot be stopped in the middle of a picture; the worker comes back when it is through.
      await until(() => server.gate.stats().workers.idle === 1, 15_000)
      await isGood()
      expect(sum(await server.metrics(), 'diffiqa_worker_restarts_total')).toBe(0)
    },
  )

  it("more pixels than the route's own limit", async () => {
    const small = await trialServer({}, { maxPixels: 1000 })
    try {
      expect((await small.send('/raw', face)).json.code).toBe('too-many-pixels')
    } finally {
      await small.close()
    }
  })
})

describe('requests without a usable photo', RETRY, () => {
  it('an empty body', async () => {
    for (const path of ['/m', '/raw', '/b64', '/any']) await isRefused(path, '', [[400, 'empty-body']])
    await isRefused('/raw', undefined, [[400, 'empty-body']])
  })

  it('a wrong content type', async () => {
    await isRefused('/m', face, [[415, 'unsupported-media-type']])
    await isRefused('/b64', face, [[415, 'unsupported-media-type']])
    await isRefused('/raw', photoForm(face), [[415, 'unsupported-media-type']], { type: FORM_TYPE })
  })

  it('base64 that is none, JSON without the field', async () => {
    const json = { type: 'application/json' }
    await isRefused('/b64', '{"image":"@@@@"}', [[400, 'invalid-base64']], json)
    await isRefused('/b64', '{"photo":"QUJD"}', [[400, 'missing-field']], json)
    await isRefused('/b64', '{', [[400, 'malformed-request']], json)
  })

  it('forms: another field, two files, no end, no boundary', async () => {
    const photo = { name: 'photo', content: face, filename: 'a.jpg' }
    const type = FORM_TYPE
    const [detail] = await isRefused('/m', form([{ ...photo, name: 'avatar' }]), [[400, 'missing-field']], { type })
    expect(detail).toContain('"photo"')
    await isRefused('/m', form([photo, photo]), [[400, 'several-files']], { type })
    await isRefused('/m', form([photo], { closed: false }), [[400, 'malformed-request']], { type })
    await isRefused('/m', form([photo]), [[400, 'malformed-request']], { type: 'multipart/form-data' })
    await isRefused('/m', `--${BOUNDARY}\r\n`, [[400, 'malformed-request']], { type })
  })
})

describe('photos without one usable face', RETRY, () => {
  it('no face', async () => {
    const { reasons } = (await server.send('/raw', await flat(640, 480).jpeg().toBuffer())).json
    expect(reasons).toMatchObject([{ code: 'no_face', advice: expect.stringMatching(/\w/) }])
    await isRefused('/raw', await flat(640, 480).jpeg().toBuffer(), [[422, 'no-face']])
  })

  it('five faces', async () => {
    await isRefused('/m', photoForm(samplePhoto(5)), [[422, 'several-faces']], { type: FORM_TYPE })
  })

  it('a face of 12 pixels', async () => {
    await isRefused('/raw', await smallFace(12), [
      [422, 'no-face'],
      [422, 'face-too-small'],
    ])
  })

  it('an animation is its first frame', async () => {
    await isRefused('/raw', await animatedWebp(false), [[422, 'no-face']], { type: 'image/webp' })
    const { status, json } = await server.send('/raw', await animatedWebp(true), { type: 'image/webp' })
    expect([status, json.candidate]).toEqual([200, 'somebody'])
  })
})
