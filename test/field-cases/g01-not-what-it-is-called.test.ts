import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FORM_TYPE, photoForm } from '../fixtures/http.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { type TrialServer, trialServer } from '../http/trial-server.ts'
import { sum } from '../metrics/series.ts'

let server: TrialServer
beforeAll(async () => {
  server = await trialServer({ deadlineMs: 20_000 })
})
afterAll(() => server.close())

/** The beginning of an ISO base media file: its brand and those it says it is compatible with. */
const iso = (...brands: readonly string[]): Buffer => {
  const body = Buffer.from(`ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`, 'latin1')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length + 4)
  return Buffer.concat([length, body, Buffer.alloc(2000, 7)])
}
const starts = (text: string): Buffer => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(500, 7)])

/** What phones, scanners and people send under the name of a JPEG; and how it should be called in the answer. */
const OTHERS: readonly (readonly [string, Buffer, RegExp])[] = [
  ['HEIC of an iPhone', iso('heic', 'mif1', 'heic'), /HEIC/],
  ['HEIC that is called mif1 first', iso('mif1', 'mif1', 'heic'), /HEIC/],
  ['HEIC of 10 bits', iso('heix', 'mif1', 'heix'), /HEIC/],
  ['burst of HEIC', iso('hevc', 'msf1', 'hevc'), /HEIC/],
  ['image of an unnamed codec', iso('mif1', 'miaf'), /HEIC/],
  ['video', iso('mp42', 'isom', 'mp42'), /video/],
  ['raw photo of a Canon', iso('crx ', 'crx ', 'isom'), /video or another ISO media file/],
  ['GIF', starts('GIF89a'), /GIF/],
  ['BMP', starts('BM'), /BMP/],
  ['PDF of a scanner', starts('%PDF-1.7\n'), /PDF/],
  ['SVG', starts('<?xml version="1.0"?><svg/>'), /SVG/],
  ['error page', starts('<!doctype html><html>'), /HTML/],
  ['JPEG XL', starts('\xff\x0a\xfa\x1f'), /no known image format/],
  ['JPEG XL in a box', starts('\0\0\0\x0cJXL \r\n\x87\n'), /no known image format/],
  ['JPEG 2000', starts('\0\0\0\x0cjP  \r\n\x87\n'), /no known image format/],
  ['Photoshop file', starts('8BPS\0\x01'), /no known image format/],
  ['icon', starts('\0\0\x01\0\x01\0'), /no known image format/],
  ['big TIFF', starts('II+\0\x08\0\0\0'), /no known image format/],
]

const json = { type: 'application/json' }
const routes: Readonly<Record<string, (bytes: Buffer) => ReturnType<TrialServer['send']>>> = {
  form: (bytes) => server.send('/m', photoForm(bytes), { type: FORM_TYPE }),
  body: (bytes) => server.send('/raw', bytes, { type: 'image/jpeg' }),
  base64: (bytes) => server.send('/b64', JSON.stringify({ image: bytes.toString('base64') }), json),
  'data URL': (bytes) =>
    server.send('/data', JSON.stringify({ image: `data:image/jpeg;base64,${bytes.toString('base64')}` }), json),
}

describe('G01: a file that is not what it is called', () => {
  test.each(OTHERS)('%s: 415 on every route, with its name and what to send', async (_, bytes, name) => {
    for (const [route, send] of Object.entries(routes)) {
      const before = sum(await server.metrics(), 'diffiqa_rejections_total', { reason: 'unsupported' })
      const { status, json: problem } = await send(bytes)
      expect([route, status, problem.code]).toEqual([route, 415, 'unsupported-media-type'])
      expect(problem.detail).toMatch(name)
      expect(problem.detail).toContain('send JPEG')
      const samples = await server.metrics()
      expect(sum(samples, 'diffiqa_rejections_total', { reason: 'unsupported' })).toBe(before + 1)
      expect(sum(samples, 'diffiqa_worker_restarts_total')).toBe(0)
    }
    expect(server.matched).toEqual([])
  })

  test('a good photo after them is let through', async () => {
    for (const send of Object.values(routes)) expect((await send(await sampleFace('f'))).status).toBe(200)
    expect(server.matched.length).toBe(4)
  })
})
