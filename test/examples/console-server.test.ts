import express from 'express'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readyHandler } from '../../src/plugin/ready-handler.ts'
import { serve } from '../fixtures/http.ts'
import { deviations } from '../fixtures/openapi.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { scriptedGate } from '../fixtures/scripted-gate.ts'

interface Server {
  readonly url: string
  close(): Promise<unknown>
}
let server: Server

beforeAll(async () => {
  // Of the built package, as a user runs it.
  const example: { startServer(options: object): Promise<Server> } = await import(
    '../../examples/console/server.js' as string
  )
  server = await example.startServer({ port: 0, gate: { workers: 1, deadlineMs: 20_000 } })
})
afterAll(() => server?.close())

/** The answer, which has to be as docs/openapi.yaml describes it. */
async function ask(method: string, path: string, init: RequestInit = {}, url = server.url) {
  const response = await fetch(url + path, { method, ...init })
  const type = String(response.headers.get('content-type'))
  const body = type.includes('json') ? await response.json() : await response.text()
  expect(deviations(method, path, { status: response.status, type, body })).toEqual([])
  return { status: response.status, body, headers: response.headers }
}
const check = (body: RequestInit['body'], type?: string) =>
  ask('POST', '/check', { body: body ?? null, ...(type !== undefined && { headers: { 'content-type': type } }) })

describe('examples/console', () => {
  it('lets a good photo through: as bytes, as a form and as base64', async () => {
    const face = await sampleFace('f')
    const accepted = { status: 200, body: { decision: 'accept', weight: 1 } }
    expect(await check(new Uint8Array(face), 'image/jpeg')).toMatchObject(accepted)
    const form = new FormData()
    form.set('photo', new Blob([new Uint8Array(face)]), 'face.jpg')
    expect(await check(form)).toMatchObject(accepted)
    const json = JSON.stringify({ photo: face.toString('base64') })
    expect(await check(json, 'application/json')).toMatchObject(accepted)
  })

  it('refuses what is not good enough, no photo, no face, or not where a photo is looked for', async () => {
    const ruined = await sharp(await sampleFace('f'))
      .blur(14)
      .jpeg()
      .toBuffer()
    const grey = { width: 300, height: 300, channels: 3, background: '#888' } as const
    const codes: unknown[] = []
    for (const [body, type] of [
      [ruined, 'image/jpeg'],
      [await sharp({ create: grey }).png().toBuffer(), 'image/png'],
      [ruined.subarray(0, ruined.length / 2), 'image/jpeg'],
      [Buffer.from('no photo'), 'image/jpeg'],
      [Buffer.alloc(0), 'image/jpeg'],
      [Buffer.from('{"picture":1}'), 'application/json'],
      [Buffer.from('{"photo":"@@@@"}'), 'application/json'],
      [Buffer.from('no form'), 'multipart/form-data; boundary=x'],
      [Buffer.alloc(9_000_000), 'image/jpeg'],
    ] as const)
      codes.push((await check(new Uint8Array(body), type)).body.code)
    expect(codes).toEqual([
      'quality-rejected',
      'no-face',
      'unreadable-image',
      'unsupported-media-type',
      'empty-body',
      'missing-field',
      'invalid-base64',
      'malformed-request',
      'payload-too-large',
    ])
  })

  it('tells operators: metrics, readiness, the console', async () => {
    const { body, headers } = await ask('GET', '/metrics')
    expect(body).toMatch(/^diffiqa_verdicts_total\{.*decision="accept"\} 3$/m)
    expect(headers.get('content-type')).toMatch(/^text\/plain/)
    expect((await ask('GET', '/ready')).body).toEqual({ ready: true })
    expect((await ask('GET', '/console/')).body).toContain('<title>Face quality console')
    expect((await ask('GET', '/console/api/settings')).body.mode).toBe('enforce')
    const { buckets } = (await ask('GET', '/console/api/rate')).body
    const accepted = buckets.map(({ accept }: { accept: number }) => accept)
    expect(accepted.reduce((a: number, b: number) => a + b)).toBe(3)
    expect((await fetch(server.url, { redirect: 'manual' })).headers.get('location')).toBe('/console/')
  })

  it('is not ready once its gate is closed', async () => {
    const gate = scriptedGate()
    await gate.close()
    const closed = await serve(express().get('/ready', readyHandler(gate)))
    expect(await ask('GET', '/ready', {}, closed.url)).toMatchObject({ status: 503, body: { ready: false } })
    await closed.close()
  })
})
