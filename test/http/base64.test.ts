import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { type TrialServer, trialServer } from './trial-server.ts'

let server: TrialServer
let face: Buffer
let binary: unknown
beforeAll(async () => {
  face = await sampleFace('f')
  server = await trialServer({ deadlineMs: 20_000 })
  binary = (await server.send('/raw', face)).json
})
afterAll(() => server.close())
const send = (image: unknown, path = '/b64') =>
  server.send(path, JSON.stringify({ image }), { type: 'application/json' })

describe('G09: base64 as clients really send it', () => {
  it('seven ways give exactly the score of the binary upload', async () => {
    expect(binary).toMatchObject({ candidate: 'somebody', value: expect.any(Number) })
    const plain = face.toString('base64')
    const ways = {
      plain,
      wrapped: plain.replace(/.{76}/g, '$&\r\n'),
      urlSafe: plain.replaceAll('+', '-').replaceAll('/', '_'),
      unpadded: plain.replace(/=+$/, ''),
      dataUrl: `data:image/jpeg;base64,${plain}`,
      charset: `data:image/jpeg;charset=utf-8;base64,${plain}`,
      upperCase: `DATA:IMAGE/JPEG;BASE64,${plain}`,
    }
    for (const [way, text] of Object.entries(ways)) {
      const { status, json } = await send(text)
      expect([way, status, json]).toEqual([way, 200, binary])
    }
    expect((await send(ways.dataUrl, '/data')).json).toEqual(binary)
  })

  it.each([
    ['four @', '@@@@', 400, 'invalid-base64'],
    ['nothing', '', 400, 'empty-body'],
    ['a number', 5, 400, 'missing-field'],
    ['a list', [], 400, 'missing-field'],
    ['an object', {}, 400, 'missing-field'],
    ['20 MB', 'A'.repeat(20_000_000), 413, 'payload-too-large'],
  ])('%s is refused', { retry: 2 }, async (_what, image, status, code) => {
    const answer = await send(image)
    expect([answer.status, answer.json.code]).toEqual([status, code])
    expect(answer.ms).toBeLessThan(2000)
  })

  it('half of the text is half of a photo', async () => {
    const plain = face.toString('base64')
    const { status, json } = await send(plain.slice(0, plain.length / 2))
    expect([status, json.code]).toEqual([422, 'unreadable-image'])
  })
})
