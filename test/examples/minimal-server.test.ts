import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deviations } from '../fixtures/openapi.ts'
import { mirroredCapture } from '../fixtures/probes.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'

let server: ChildProcess
let url: string
let output = ''

beforeAll(async () => {
  server = spawn(process.execPath, ['examples/minimal-server/server.js'], { env: { ...process.env, PORT: '0' } })
  server.stderr?.on('data', (chunk) => (output += chunk))
  url = await new Promise((found, failed) => {
    server.once('exit', (code) => failed(new Error(`The server ended with ${code}: ${output}`)))
    server.stdout?.on('data', (chunk) => {
      output += chunk
      const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? []
      if (address) found(address)
    })
  })
})

afterAll(async () => {
  server.removeAllListeners('exit')
  if (server.exitCode !== null) return
  server.kill()
  await once(server, 'exit')
})

const send = async (path: string, photo: Uint8Array, method = 'POST') => {
  const response = await fetch(`${url}${path}`, {
    method,
    body: Buffer.from(photo),
    headers: { 'content-type': 'image/jpeg' },
  })
  const answer = {
    status: response.status,
    type: String(response.headers.get('content-type')),
    body: await response.json(),
  }
  expect(deviations(method, path, answer)).toEqual([])
  return answer
}

describe('examples/minimal-server', () => {
  it('is short', () => {
    expect(readFileSync('examples/minimal-server/server.js', 'utf8').split('\n').length).toBeLessThanOrEqual(60)
  })

  it('enrols two people and identifies a third photo', async () => {
    expect(await send('/people/cleo', await sampleFace('c'), 'PUT')).toMatchObject({
      status: 201,
      body: { subject: 'cleo' },
    })
    expect(await send('/people/fay', await sampleFace('f'), 'PUT')).toMatchObject({
      status: 201,
      body: { subject: 'fay' },
    })
    const people = await (await fetch(`${url}/people`)).json()
    expect(people).toEqual(['cleo', 'fay'])
    expect(deviations('GET', '/people', { status: 200, type: 'application/json', body: people })).toEqual([])
    const { status, body } = await send('/identify', await mirroredCapture('f'))
    expect(status).toBe(200)
    expect(body).toMatchObject({ decision: 'accept', candidates: [{ subject: 'fay', match: true }] })
    expect(body.score).toBeGreaterThan(0.5)
  })

  it('identifies a photo sent by the form of its page, too', async () => {
    expect(await (await fetch(url)).text()).toContain('name="photo"')
    const form = new FormData()
    form.set('photo', new Blob([new Uint8Array(await mirroredCapture('c'))]), 'face.jpg')
    const answer = await (await fetch(`${url}/identify`, { method: 'POST', body: form })).json()
    expect(answer).toMatchObject({ candidates: [{ subject: 'cleo' }] })
  })

  it('sends a bad photo back with reasons, and a second enrolment under the same name', async () => {
    const blurred = await sharp(await sampleFace('f'))
      .blur(14)
      .jpeg()
      .toBuffer()
    const refusal = await send('/identify', blurred)
    expect(refusal).toMatchObject({ status: 422, body: { code: 'quality-rejected', reasons: expect.any(Array) } })
    expect(refusal.type).toContain('application/problem+json')
    expect(await send('/people/fay', await sampleFace('f'), 'PUT')).toMatchObject({
      status: 409,
      body: { code: 'subject-exists' },
    })
    expect(await send('/identify', Buffer.from('no photo'))).toMatchObject({ status: 415 })
  })

  it('never sends an embedding, counts what it did, and writes nothing but its address', async () => {
    const { body } = await send('/identify', await mirroredCapture('f'))
    expect(JSON.stringify(body)).not.toMatch(/embedding|mesh|source/)
    const metrics = await (await fetch(`${url}/metrics`)).text()
    expect(metrics).toMatch(/diffiqa_matcher_calls_total\{matcher="human",operation="identify",outcome="ok"\} 3/)
    expect(metrics).toMatch(/diffiqa_matcher_calls_total\{matcher="human",operation="enrol",outcome="error"\} 1/)
    expect(await (await fetch(`${url}/ready`)).json()).toEqual({ ready: true })
    expect(output.trim().split('\n')).toHaveLength(1)
  })
})
