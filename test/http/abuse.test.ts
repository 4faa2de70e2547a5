import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BOUNDARY, FORM_TYPE, photoForm, until } from '../fixtures/http.ts'
import { rawClient } from '../fixtures/raw-client.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { sum } from '../metrics/series.ts'
import { type TrialServer, trialServer } from './trial-server.ts'

let server: TrialServer
let face: Buffer
beforeAll(async () => {
  face = await sampleFace('f')
  server = await trialServer({ deadlineMs: 20_000 }, { uploadTimeoutMs: 3000 })
})
afterAll(() => server.close())

const isGood = async (): Promise<void> => {
  const { status, json } = await server.send('/m', photoForm(face), { type: FORM_TYPE })
  expect([status, json.candidate]).toEqual([200, 'somebody'])
}

interface Conversation {
  readonly socket: Socket
  readonly received: () => string
}

function talk(bytes: string | Uint8Array): Conversation {
  const socket = connect(server.port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  socket.on('error', () => {})
  socket.write(bytes)
  return { socket, received: () => text }
}

const statuses = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code))
const head = (path: string, lines: readonly string[]): string =>
  [`POST ${path} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n')
const request = (path: string, body: Uint8Array, ...more: string[]): Buffer =>
  Buffer.concat([
    Buffer.from(head(path, ['Content-Type: image/jpeg', `Content-Length: ${body.length}`, ...more])),
    body,
  ])

describe('slow-loris', () => {
  it('200 uploads that hardly move hold no worker, no photo waits for them, and each is ended by 408', async () => {
    const slow = Array.from({ length: 200 }, () => rawClient(server, '/raw', { 'Content-Length': '100000' }))
    for (const client of slow) client.write('\xff\xd8')
    const drip = setInterval(() => {
      for (const client of slow) if (!client.closed()) client.write('\0')
    }, 200)
    try {
      await isGood()
      expect(server.gate.stats()).toMatchObject({ queue: { fast: { depth: 0 } }, workers: { idle: 1 } })
      await until(() => slow.every((client) => client.closed()), 20_000)
    } finally {
      clearInterval(drip)
    }
    for (const client of slow) {
      expect(client.received()).toMatch(/^HTTP\/1\.1 408 /)
      expect(client.received()).toContain('"code":"slow-upload"')
    }
    await isGood()
  })

  it('headers that never end are not ours to read, and keep nobody waiting', async () => {
    const slow = Array.from({ length: 100 }, () => talk('POST /raw HTTP/1.1\r\nHost: x\r\nX-Slow: '))
    await isGood()
    for (const { socket } of slow) socket.destroy()
    expect(slow.every(({ received }) => received() === '')).toBe(true)
  })
})

describe('pipelining', () => {
  it('several photos behind one another on one connection: each has its answer, in order', async () => {
    const bad = Buffer.from('no photo')
    const conversation = talk(
      Buffer.concat([request('/raw', face), request('/raw', bad), request('/raw', face), request('/m', bad)]),
    )
    await until(() => statuses(conversation.received()).length === 4, 20_000)
    expect(statuses(conversation.received())).toEqual([200, 415, 200, 415])
    conversation.socket.destroy()
  })

  it('behind a body that is refused while it still comes, nothing is taken for a request', async () => {
    const matched = server.matched.length
    const smuggled = request('/raw', face)
    const form = Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n`)
    const type = `Content-Type: ${FORM_TYPE}`
    for (const bytes of [
      Buffer.concat([Buffer.from(head('/raw', ['Content-Type: image/jpeg', 'Content-Length: 999999999'])), smuggled]),
      Buffer.concat([Buffer.from(head('/m', [type, 'Content-Length: 99999'])), form, smuggled]),
      Buffer.concat([
        Buffer.from(head('/m', ['Content-Type: multipart/form-data', 'Content-Length: 9999999'])),
        smuggled,
      ]),
    ]) {
      const { socket, received } = talk(bytes)
      await until(() => socket.closed || socket.destroyed, 20_000)
      expect(statuses(received())).toHaveLength(1)
      expect(received()).toMatch(/^HTTP\/1\.1 4\d\d /)
      expect(received().toLowerCase()).toContain('connection: close')
    }
    expect(server.matched.length).toBe(matched)
    await isGood()
  })

  it('a hundred photos on one connection do not get more than the queue holds', async () => {
    const { socket, received } = talk(Buffer.concat(Array(100).fill(request('/raw', face))))
    await until(() => statuses(received()).length === 100, 60_000)
    for (const status of statuses(received())) expect([200, 503]).toContain(status)
    socket.destroy()
    await isGood()
  }, 90_000)
})

describe('headers', () => {
  const body = 'abc'
  const length = `Content-Length: ${body.length}`
  const image = 'Content-Type: image/jpeg'
  const form = 'Content-Type: multipart/form-data; boundary='

  it.each([
    ['a length and chunks at once', '/raw', [image, length, 'Transfer-Encoding: chunked'], 400],
    ['two lengths', '/raw', [image, length, 'Content-Length: 7'], 400],
    ['a negative length', '/raw', [image, 'Content-Length: -1'], 400],
    ['a length beyond all numbers', '/raw', [image, `Content-Length: ${'9'.repeat(30)}`], 400],
    ['a length in hexadecimal', '/raw', [image, 'Content-Length: 0x3'], 400],
    ['an unknown transfer encoding', '/raw', [image, 'Transfer-Encoding: gzip'], 400],
    ['headers of 64 kB', '/raw', [image, length, `X-Long: ${'a'.repeat(65_536)}`], 431],
    ['a zero in a header', '/raw', [image, length, 'X-Zero: a\0b'], 400],
    ['a content type that is no type', '/raw', ['Content-Type: ;;;=', length], 415],
    ['a content type of 8 kB', '/raw', [`Content-Type: image/${'x'.repeat(8000)}`, length], 415],
    ['a compressed body', '/raw', [image, length, 'Content-Encoding: gzip'], 415],
    ['an empty boundary', '/m', [form, length], 400],
    ['a boundary of 4 kB', '/m', [`${form}${'b'.repeat(4096)}`, length], 400],
    ['a boundary of quotes', '/m', [`${form}"""`, length], 400],
    ['a boundary with a line feed in it', '/m', [`${form}"a\\nb"`, length], 400],
    ['two content types', '/m', [`Content-Type: ${FORM_TYPE}`, 'Content-Type: image/jpeg', length], 400],
    ['a charset that nobody knows', '/b64', ['Content-Type: application/json; charset=klingon', length], 400],
    ['a wish for something that is not there', '/raw', [image, length, 'Expect: 200-maybe'], 417],
  ] as const)('%s: %s answers with %s', async (_, path, lines, status) => {
    const before = server.matched.length
    const { socket, received } = talk(`${head(path, [...lines, 'Connection: close'])}${body}`)
    await until(() => statuses(received()).length > 0, 10_000)
    expect(statuses(received())[0]).toBe(status)
    socket.destroy()
    expect(server.matched.length).toBe(before)
  })

  it('an upload that asks first (Expect: 100-continue) is told to go on, or at once that there is no use', async () => {
    const { socket, received } = talk(head('/raw', [`Content-Length: ${face.length}`, image, 'Expect: 100-continue']))
    await until(() => statuses(received()).includes(100), 10_000)
    socket.write(face)
    await until(() => statuses(received()).includes(200), 20_000)
    socket.destroy()
  })

  it('names of files, fields and types as long and as strange as they get name no series and break nothing', async () => {
    const series = (await server.metrics()).length
    for (const name of [
      '../../etc/passwd',
      'a"b',
      '%00',
      '\u202egpj.exe',
      'x'.repeat(4000),
      '{{7*7}}',
      "'; drop table",
    ]) {
      const type = `multipart/form-data; boundary=${BOUNDARY}; x="${encodeURIComponent(name)}"`
      const { status } = await server.send('/m', photoForm(face, encodeURIComponent(name)), { type })
      expect(status).toBe(400)
    }
    const samples = await server.metrics()
    expect(samples.length).toBe(series)
    expect(sum(samples, 'diffiqa_worker_restarts_total')).toBe(0)
    await isGood()
  })
})
