import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecondServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isDiffiqaError } from '../../src/errors.ts'
import type { Manifest } from '../../src/inference/manifest.ts'
import { loadManifest } from '../../src/inference/manifest-file.ts'
import { MODEL_CONTRACTS } from '../../src/inference/model-contract.ts'
import { type OpenInferenceOptions, openInference } from '../../src/inference/remote/open-inference.ts'
import { RemoteHub, type ServerChange } from '../../src/inference/remote/remote-hub.ts'
import type { Tensor } from '../../src/inference/tensor-model.ts'
import { OipTestServer } from '../fixtures/oip-server.ts'

/** The small network alone: enough for everything but the proof of the others. */
const ONE = { models: { regressor: 'diffiqa-regressor' } }
const face = (): Record<string, Tensor> => MODEL_CONTRACTS.regressor.selfTestFeeds()
const soon = (ms = 30_000): number => performance.now() + ms

let manifest: Manifest
let hubs: RemoteHub[] = []
const open = async (url: OpenInferenceOptions['url'], options: Partial<OpenInferenceOptions> = {}) => {
  const hub = await RemoteHub.open(openInference({ url, ...ONE, ...options }), manifest)
  hubs.push(hub)
  return hub
}
beforeAll(async () => {
  manifest = await loadManifest()
})
afterEach(() => {
  for (const hub of hubs) hub.close()
  hubs = []
})

async function until(met: () => boolean): Promise<void> {
  const end = performance.now() + 25_000
  while (!met()) {
    if (performance.now() > end) throw new Error('waited in vain')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('the proof at the start', () => {
  test.each([
    ['says that it has binary tensors', {}, 'binary', 1],
    ['has binary tensors without saying so', { extensions: [] }, 'binary', 2],
    ['has none', { extensions: [], binary: false }, 'json', 2],
    ['is an MLServer, which must not be tried', { name: 'mlserver', extensions: [], binary: false }, 'json', 1],
    ['wants scalars as columns', { columns: true }, 'binary', 1],
  ] as const)('finds out how a server that %s takes tensors', async (_, options, encoding, proofs) => {
    await using server = await OipTestServer.open(options)
    const hub = await open(server.url)
    expect(hub.ready).toBe(true)
    expect(server.calls).toHaveLength(proofs)
    const [answer] = [await hub.run('regressor', face(), soon())]
    expect(answer?.mean?.data[0]).toBeCloseTo(manifest.selfTest.regressor.values[0] as number, 3)
    const raw = server.calls.at(-1)?.headers['inference-header-content-length'] !== undefined
    expect(raw ? 'binary' : 'json').toBe(encoding)
  })

  test('sends every network a batch as large as any to come, scalars the way the server declares them', async () => {
    await using server = await OipTestServer.open({ columns: true })
    const hub = await open(server.url, { models: { denoiser: 'diffiqa-denoiser' }, maxBatch: 9 })
    expect(server.calls[0]?.head?.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['x', [9, 3, 112, 112]],
      ['t', [9, 1]],
    ])
    const { x0 } = await hub.run('denoiser', MODEL_CONTRACTS.denoiser.selfTestFeeds(), soon())
    expect(x0?.dims).toEqual([1, 3, 112, 112])
  })

  test('sends headers, keeps the path of the URL, and passes the time that is left to servers that take it', async () => {
    await using server = await OipTestServer.open({ extensions: ['binary_tensor_data', 'schedule_policy'] })
    const hub = await open(server.url, { headers: { Authorization: 'Bearer of a token' } })
    await hub.run('regressor', face(), soon(3000))
    const timeout = server.calls.at(-1)?.head?.parameters?.timeout
    expect(timeout).toBeGreaterThan(0)
    expect(timeout).toBeLessThanOrEqual(3_000_000)
    expect(new Set(server.seen.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer of a token']))
    await expect(open(`${server.url}/team/`, { headers: { authorization: 'x' } })).rejects.toMatchObject({
      code: 'inference-refused',
    })
    expect(server.seen.at(-1)?.path).toBe('/team/v2')
  })

  test('takes answers that differ as processors do: by less than 1e-3', async () => {
    await using server = await OipTestServer.open()
    server.change = (_, { data, dims }) => ({ data: data.map((value) => value + 9e-4), dims })
    expect((await open(server.url)).ready).toBe(true)
  })

  test.each([
    [
      'another answer in one row',
      (name: string, { data, dims }: Tensor) => {
        const changed = data.slice()
        if (name === 'mean') changed[5] = (changed[5] as number) + 0.002
        return { data: changed, dims }
      },
      'model-incompatible',
    ],
    [
      'NaN',
      (_: string, { data, dims }: Tensor) => ({ data: data.map(() => Number.NaN), dims }),
      'invalid-model-output',
    ],
    [
      'an infinity',
      (_: string, { data, dims }: Tensor) => ({ data: data.map(() => Infinity), dims }),
      'invalid-model-output',
    ],
    [
      'half a batch',
      (_: string, { data, dims }: Tensor) => ({ data: data.slice(data.length / 2), dims: [4, ...dims.slice(1)] }),
      'inference-invalid-answer',
    ],
    [
      'a shape that lies',
      (_: string, { data, dims }: Tensor) => ({ data, dims: [...dims, 7] }),
      'inference-invalid-answer',
    ],
  ] as const)('refuses a server that computes %s', async (_, change, code) => {
    await using server = await OipTestServer.open()
    server.change = change as OipTestServer['change']
    await expect(open(server.url)).rejects.toMatchObject({ code })
  })
})

/** A server that is none: answers whatever it is told to. */
async function strange(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    [Symbol.dispose]: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

describe('what is no inference server', () => {
  const html = '<!doctype html><title>Welcome</title>'
  test.each<[string, (request: IncomingMessage, response: ServerResponse) => void, object]>([
    [
      'a web page',
      (_, response) => response.end(html),
      { code: 'inference-invalid-answer', details: { reason: 'not-json' } },
    ],
    [
      'a web page of status 404',
      (_, response) => response.writeHead(404).end(html),
      { code: 'inference-refused', details: { httpStatus: 404 } },
    ],
    [
      'a sign-in',
      (_, response) => response.writeHead(401).end(html),
      { code: 'inference-refused', details: { httpStatus: 401 } },
    ],
    [
      'JSON of something else',
      (_, response) => response.end('{"status":"ok"}'),
      { code: 'inference-invalid-answer', details: { reason: 'not-oip' } },
    ],
    [
      'null',
      (_, response) => response.end('null'),
      { code: 'inference-invalid-answer', details: { reason: 'not-oip' } },
    ],
    [
      'an overloaded one',
      (_, response) => response.writeHead(503).end(),
      { code: 'inference-unavailable', details: { reason: 'overloaded' } },
    ],
    [
      'a broken one',
      (_, response) => response.writeHead(500).end('Traceback'),
      { code: 'inference-unavailable', details: { reason: 'status' } },
    ],
    [
      'one that hangs up',
      (_, response) => response.destroy(),
      { code: 'inference-unavailable', details: { reason: 'connection' } },
    ],
    [
      'an answer without end',
      (_, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write('{'.repeat(1_000_000)));
        }
        response.on('drain', more)
        more()
      },
      { code: 'inference-invalid-answer', details: { reason: 'too-large' } },
    ],
    [
      'something that is not HTTP',
      ({ socket }) => socket.end('220 mail.example ESMTP\r\n'),
      { code: 'inference-invalid-answer', details: { reason: 'not-http' } },
    ],
    [
      'half an answer',
      (_, response) => {
        response.writeHead(200, { 'content-length': 100 })
        response.write('{"name":"t')
        setTimeout(() => response.destroy(), 20)
      },
      { code: 'inference-invalid-answer', details: { reason: 'truncated' } },
    ],
  ])('is told by its kind: %s', async (_, answer, expected) => {
    using server = await strange(answer)
    await expect(open(server.url)).rejects.toMatchObject(expected)
  })

  test.each([301, 302, 307, 308])('is not followed where it redirects: %i', async (status) => {
    let reached = false
    using inner = await strange((_, response) => {
      reached = true
      response.end('{"name":"inner"}')
    })
    using server = await strange((_, response) => response.writeHead(status, { location: inner.url }).end())
    await expect(open(server.url)).rejects.toMatchObject({
      code: 'inference-invalid-answer',
      details: { reason: 'redirect', httpStatus: status },
    })
    expect(reached).toBe(false)
  })

  test('is a port of gRPC, which speaks HTTP/2', async () => {
    const grpc = createSecondServer().listen(0, '127.0.0.1')
    await once(grpc, 'listening')
    try {
      const { port } = grpc.address() as AddressInfo
      await expect(open(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
        code: 'inference-invalid-answer',
        details: { reason: 'not-http' },
      })
    } finally {
      grpc.close()
    }
  })

  test('is nobody at all', async () => {
    const { port, ...gone } = await strange(() => {})
    gone[Symbol.dispose]()
    const error = await open(gone.url).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'inference-unavailable', details: { reason: 'connection' } })
    // What a client may be told does not have the address.
    const { message, details } = error as Error & { details: unknown }
    expect(`${message}${JSON.stringify(details)}`).not.toContain(String(port))
  })
})

describe('TLS', () => {
  let folder: string
  let pair: { cert: string; key: string }
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'diffiqa-tls-'))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=models', '-addext', 'subjectAltName=IP:127.0.0.1']
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        key,
        '-out',
        cert,
        ...subject,
      ],
      { stdio: 'ignore' },
    )
    pair = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('of an authority that is not trusted is refused, and taken when it is given', async () => {
    await using server = await OipTestServer.open({ tls: pair })
    await expect(open(server.url)).rejects.toMatchObject({
      code: 'inference-untrusted',
      retryable: false,
      details: { tls: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    })
    expect(server.seen).toEqual([])
    expect((await open(server.url, { tls: { ca: pair.cert } })).ready).toBe(true)
  })

  test('of another name is refused', async () => {
    await using server = await OipTestServer.open({ tls: pair })
    const url = server.url.replace('127.0.0.1', 'localhost')
    await expect(open(url, { tls: { ca: pair.cert } })).rejects.toMatchObject({
      code: 'inference-untrusted',
      details: { tls: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    })
  })

  test('where there is none is refused', async () => {
    await using server = await OipTestServer.open()
    await expect(open(server.url.replace('http:', 'https:'))).rejects.toMatchObject({ code: 'inference-untrusted' })
  })
})

describe('a running hub', () => {
  let server: OipTestServer
  beforeEach(async () => {
    server = await OipTestServer.open()
  })
  afterEach(() => server[Symbol.asyncDispose]())

  test('lets faces travel together that come while its calls are under way, each with its own answer', async () => {
    const hub = await open(server.url, { maxConcurrent: 1 })
    server.seen.length = 0
    const faces = Array.from({ length: 11 }, (_, k) => {
      const { face: tensor } = face()
      return { face: { data: (tensor as Tensor).data.map((value) => value * (1 - k / 20)), dims: [1, 3, 112, 112] } }
    })
    const alone: number[] = []
    for (const one of faces) alone.push((await hub.run('regressor', one, soon())).mean?.data[0] as number)
    server.seen.length = 0
    const together = await Promise.all(faces.map((one) => hub.run('regressor', one, soon())))
    expect(server.calls.map(({ head }) => head?.inputs[0]?.shape[0])).toEqual([1, 8, 2])
    for (const [k, { mean, embedding }] of together.entries()) {
      expect(mean?.data[0]).toBeCloseTo(alone[k] as number, 4)
      expect(embedding?.dims).toEqual([1, 128])
    }
    expect(new Set(alone.map((value) => value.toFixed(4))).size).toBe(faces.length)
  })

  test('never has more calls under way than it may', async () => {
    const hub = await open(server.url, { maxConcurrent: 2 })
    server.delayMs = 50
    let [now, most] = [0, 0]
    server.disturb = (_path, response) => {
      most = Math.max(most, ++now)
      response.on('close', () => now--)
      return false
    }
    const eight = () => ({ face: { data: new Float32Array(8 * 3 * 112 * 112), dims: [8, 3, 112, 112] } })
    await Promise.all(Array.from({ length: 5 }, () => hub.run('regressor', eight(), soon())))
    expect(most).toBe(2)
  })

  test('sends the fast score before what full DifFIQA waits for', async () => {
    const hub = await open(server.url, {
      models: { regressor: 'diffiqa-regressor', embedder: 'diffiqa-embedder' },
      maxConcurrent: 1,
    })
    server.seen.length = 0
    const embedder = () => hub.run('embedder', MODEL_CONTRACTS.embedder.selfTestFeeds(), soon())
    await Promise.all([embedder(), embedder(), hub.run('regressor', face(), soon())])
    expect(server.calls.map(({ path }) => path.split('/')[3])).toEqual([
      'diffiqa-embedder',
      'diffiqa-regressor',
      'diffiqa-embedder',
    ])
  })

  test('gives up when the time is over, without blaming a server that had none', async () => {
    const hub = await open(server.url)
    server.delayMs = 400
    for (let i = 0; i < 4; i++) {
      await expect(hub.run('regressor', face(), soon(30))).rejects.toMatchObject({
        code: 'inference-unavailable',
        details: { reason: 'timeout' },
      })
    }
    expect(hub.ready).toBe(true)
    await expect(hub.run('regressor', face(), soon(-1))).rejects.toMatchObject({ details: { reason: 'timeout' } })
  })

  test('opens the circuit of a server that hangs, and closes it when it answers again', async () => {
    const hub = await open(server.url, { timeoutMs: 300 })
    const changes: ServerChange[] = []
    hub.onChange((change) => changes.push(change))
    server.disturb = () => true
    for (let i = 0; i < 3; i++) await hub.run('regressor', face(), soon()).catch(() => {})
    expect(hub.ready).toBe(false)
    expect(() => hub.admit()).toThrow(expect.objectContaining({ retryAfterSeconds: expect.any(Number) }))
    server.disturb = () => false
    await until(() => hub.ready)
    expect(changes.map(({ usable, error }) => [usable, error?.details.reason])).toEqual([
      [true, undefined],
      [false, 'timeout'],
      [true, undefined],
    ])
  })

  test('does not take a server back that has come back as another', async () => {
    const hub = await open(server.url)
    await server.kill()
    for (let i = 0; i < 3; i++) await hub.run('regressor', face(), soon()).catch(() => {})
    server.change = (_, { data, dims }) => ({ data: data.map((value) => value + 1), dims })
    server.seen.length = 0
    await server.start()
    await until(() => server.calls.length > 1)
    expect(hub.ready).toBe(false)
    server.change = (_, tensor) => tensor
    await until(() => hub.ready)
  })

  test('repeats a call that was cut off, once', async () => {
    const hub = await open(server.url)
    server.seen.length = 0
    let cuts = 1
    server.disturb = (_path, response) => {
      if (cuts-- <= 0) return false
      response.destroy()
      return true
    }
    const { mean } = await hub.run('regressor', face(), soon())
    expect(mean?.data).toHaveLength(1)
    expect(server.calls).toHaveLength(2)
    cuts = 2
    await expect(hub.run('regressor', face(), soon())).rejects.toMatchObject({ details: { reason: 'connection' } })
    expect(server.calls).toHaveLength(4)
  })

  test.each([
    [429, 'inference-unavailable', 1],
    [503, 'inference-unavailable', 1],
    [502, 'inference-unavailable', 2],
    [400, 'inference-refused', 1],
    [413, 'inference-refused', 1],
  ])('does not press a server that answers %i', async (status, code, calls) => {
    const hub = await open(server.url)
    server.seen.length = 0
    server.disturb = (_path, response) => {
      response.writeHead(status).end()
      return true
    }
    await expect(hub.run('regressor', face(), soon())).rejects.toMatchObject({ code, details: { httpStatus: status } })
    expect(server.calls).toHaveLength(calls)
  })

  test('being closed, fails what waits and what is under way', async () => {
    const hub = await open(server.url, { maxConcurrent: 1 })
    server.disturb = () => true
    const calls = Promise.allSettled(Array.from({ length: 20 }, () => hub.run('regressor', face(), soon())))
    hub.close()
    for (const { status } of await calls) expect(status).toBe('rejected')
    expect(hub.ready).toBe(false)
  })
})

describe('several servers', () => {
  let servers: OipTestServer[]
  const urls = () => servers.map(({ url }) => url)
  beforeEach(async () => {
    servers = [await OipTestServer.open(), await OipTestServer.open({ extensions: [], binary: false })]
  })
  afterEach(() => Promise.all(servers.map((server) => server[Symbol.asyncDispose]())))

  test('take turns, each in its own encoding', async () => {
    const hub = await open(urls())
    for (const server of servers) server.seen.length = 0
    for (let i = 0; i < 6; i++) await hub.run('regressor', face(), soon())
    expect(servers.map(({ calls }) => calls.length)).toEqual([3, 3])
  })

  test('stand in for one that is killed: no call is lost', async () => {
    const hub = await open(urls())
    const [first, second] = servers as [OipTestServer, OipTestServer]
    for (const server of servers) server.delayMs = 30
    const calls = Array.from({ length: 24 }, () => hub.run('regressor', face(), soon()))
    await until(() => first.calls.length > 1)
    await first.kill()
    for (const { mean } of await Promise.all(calls)) expect(mean?.data).toHaveLength(1)
    for (let i = 0; i < 6; i++) await hub.run('regressor', face(), soon())
    expect(hub.ready).toBe(true)
    await first.start()
    first.seen.length = 0
    second.seen.length = 0
    await until(() => first.calls.length > 0)
    expect(hub.ready).toBe(true)
  })

  test('may be away at the start, but not be wrong', async () => {
    const [first, second] = servers as [OipTestServer, OipTestServer]
    await first.kill()
    const hub = await open(urls())
    expect(hub.ready).toBe(true)
    await first.start()
    const usable: string[] = []
    hub.onChange((change) => change.usable && usable.push(change.server))
    await until(() => usable.includes(new URL(first.url).host))
    await first.kill()
    second.change = (_, { data, dims }) => ({ data: data.map((value) => value + 1), dims })
    await expect(open(urls())).rejects.toMatchObject({ code: 'model-incompatible' })
    await second.kill()
    const error = await open(urls()).catch((thrown: unknown) => thrown)
    expect(isDiffiqaError(error) && error.details.reason).toBe('connection')
  })
})
