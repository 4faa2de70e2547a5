import { inspect } from 'node:util'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GateEventName } from '../../src/gate/events.ts'
import { FORM_TYPE, form, photoForm } from '../fixtures/http.ts'
import { sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'
import { claimSize, smallFace } from './pictures.ts'
import { type TrialServer, trialServer } from './trial-server.ts'

const MARK = 'CANARY-7f3a9d'
const COLOUR = { r: 0xc5, g: 0xa7, b: 0x3e }
/** The text, and the colour as bytes are usually written. */
const TRACES = [
  MARK,
  Buffer.from(MARK).toString('hex'),
  ...[0, 1, 2].map((shift) =>
    Buffer.from('x'.repeat(shift) + MARK)
      .toString('base64')
      .slice(4, 14),
  ),
  'c5a73ec5a73e',
  'c5 a7 3e c5 a7 3e',
  'xac+xac+',
  '197,167,62,197,167,62',
  '197, 167, 62',
]

const isLeak = (text: string): boolean => TRACES.some((trace) => text.includes(trace))

let server: TrialServer
const seen: string[] = []
const restore: (() => void)[] = []
beforeAll(async () => {
  for (const stream of [process.stdout, process.stderr]) {
    const { write } = stream
    stream.write = ((text: string | Uint8Array, ...rest: never[]) => {
      seen.push(`log: ${text}`)
      return write.call(stream, text, ...rest)
    }) as typeof write
    restore.push(() => {
      stream.write = write
    })
  }
  const onWarning = (warning: Error) => seen.push(`warning: ${inspect(warning)}`)
  process.on('warning', onWarning)
  restore.push(() => process.off('warning', onWarning))
  server = await trialServer({ deadlineMs: 20_000 }, { maxBytes: 3_000_000, headers: true })
  const names: GateEventName[] = ['verdict', 'refusal', 'assessed', 'failure', 'shed', 'degraded', 'cache', 'matcher']
  for (const name of names)
    server.gate.on(name, (event) => seen.push(`event: ${inspect(event, { depth: 10, maxArrayLength: 1000 })}`))
})
afterAll(async () => {
  for (const undo of restore) undo()
  await server.close()
})

async function marked(picture: Sharp): Promise<Buffer> {
  return picture
    .composite([{ input: { create: { width: 60, height: 60, channels: 3, background: COLOUR } }, left: 2, top: 2 }])
    .withExif({ IFD0: { ImageDescription: MARK, Artist: MARK, Copyright: MARK } })
    .jpeg({ quality: 95 })
    .toBuffer()
}

describe('a marked photo', () => {
  it('leaves no trace in answers, headers, logs, errors, events or metrics', async () => {
    const face = await marked(sharp(await sampleFace('f')))
    const plain = sharp({ create: { width: 400, height: 300, channels: 3, background: COLOUR } })
    const photos = {
      good: face,
      blurred: await marked(sharp(await sampleFace('f')).blur(20)),
      cut: face.subarray(0, face.length / 2),
      huge: claimSize(face, 60_000),
      faceless: await marked(plain),
      lossless: await plain
        .png()
        .withExif({ IFD0: { ImageDescription: MARK } })
        .toBuffer(),
      several: await marked(sharp(samplePhoto(5))),
      tiny: await marked(sharp(await smallFace(12))),
      text: Buffer.from(`${MARK} is no picture`),
      heavy: Buffer.concat([face, Buffer.alloc(3_000_000, MARK)]),
      svg: Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg"><title>${MARK}</title></svg>`),
    }
    expect(photos.good.includes(MARK)).toBe(true)
    // The search finds what it looks for: the mark in the file's text forms, the colour in its pixels'.
    const pixels = await sharp(photos.lossless).removeAlpha().raw().toBuffer()
    for (const text of [photos.good.toString('base64'), photos.good.toString('hex'), pixels.toString('hex')])
      expect(isLeak(text)).toBe(true)
    for (const text of [pixels.toString('base64'), inspect(pixels), pixels.subarray(0, 30).join()])
      expect(isLeak(text)).toBe(true)
    const codes = new Set<string>()
    const send = async (path: string, body: Uint8Array | string, type: string): Promise<void> => {
      const headers = { 'X-Note': MARK, 'User-Agent': MARK }
      const { status, text, json, headers: answered } = await server.send(path, body, { type, headers })
      codes.add(json?.code ?? String(status))
      seen.push(`answer: ${text}`, `headers: ${inspect(answered)}`)
    }
    for (const photo of Object.values(photos)) {
      const file = { name: 'photo', content: photo, filename: `${MARK}.jpg`, type: `image/${MARK}` }
      const note = { name: MARK, content: MARK }
      for (const path of ['/m', '/next']) {
        await send(path, form([note, file]), FORM_TYPE)
        await send(path, form([note, { ...file, name: MARK }]), FORM_TYPE)
        await send(path, form([file], { closed: false }), FORM_TYPE)
      }
      await send('/raw', photo, `image/${MARK}`)
    }
    const json = 'application/json'
    for (const path of ['/b64', '/data', '/next'])
      for (const text of [
        `{"image":"${MARK}@"}`,
        `{"photo":"${MARK}@"}`,
        `{"${MARK}":1}`,
        `{${MARK}`,
        `{"image":"${face.toString('base64')}"}`,
      ])
        await send(path, text, json)
    await send('/m', photoForm(face), `${FORM_TYPE.slice(0, 20)}; charset=${MARK}`)
    await send('/m', face, `text/${MARK}`)
    await send('/raw', face, 'image/jpeg')

    const expected = [
      ...['200', 'unreadable-image', 'too-many-pixels', 'no-face', 'several-faces', 'unsupported-media-type'],
      ...['payload-too-large', 'missing-field', 'malformed-request', 'invalid-base64'],
    ]
    expect([...codes]).toEqual(expect.arrayContaining(expected))
    expect(server.errors.length).toBeGreaterThan(20)
    for (const error of server.errors) seen.push(`error: ${inspect(error, { depth: 10, showHidden: true })}`)
    seen.push(`metrics: ${(await server.send('/metrics', undefined, { method: 'GET' })).text}`)

    expect(seen.length).toBeGreaterThan(300)
    const leaks = seen.filter(isLeak)
    expect(leaks.map((text) => text.slice(0, 300))).toEqual([])
  })

  it('events carry no pixels and no embeddings', () => {
    const events = seen.filter((text) => text.startsWith('event: '))
    expect(events.length).toBeGreaterThan(100)
    expect(events.filter((text) => /Uint8Array|Float32Array|Buffer|embedding/.test(text))).toEqual([])
  })
})
