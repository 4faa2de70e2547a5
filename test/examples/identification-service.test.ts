import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { mirroredCapture } from '../fixtures/probes.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { RunningService } from './run-service.ts'

// It scores two dozen photos, each twice where DifFIQA(R) is uncertain; on a busy machine that takes minutes.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

describe('examples/identification-service --once', () => {
  it('ends with --once after it has tried everything, and says so', async () => {
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, ['examples/identification-service/main.js', '--once'])
    expect(stdout).toMatch(/^201 {2}enrol cleo/m)
    expect(stdout).toMatch(/^200 {2}identify fay +it is fay$/m)
    expect(stdout).toMatch(/^422 {2}identify fay, blurred +quality-rejected/m)
    expect(stdout).toMatch(/All as expected\.\n$/)
  })
})

describe('examples/identification-service on PGlite', () => {
  let service: RunningService
  beforeAll(async () => {
    service = await RunningService.start()
  })
  afterAll(() => service?.[Symbol.asyncDispose]())

  it('has enrolled the sample people, and knows them again', async () => {
    const { body } = await service.send('GET', '/people')
    expect(body.map(({ subject }: { subject: string }) => subject)).toEqual(expect.arrayContaining(['cleo', 'fay']))
    expect(body[0]).toEqual({
      subject: expect.any(String),
      quality: expect.any(Number),
      enrolled_at: expect.any(String),
    })
    const { status, body: who } = await service.send('POST', '/identify', await mirroredCapture('f'))
    expect(status).toBe(200)
    expect(who).toMatchObject({ decision: 'accept', subject: 'fay' })
    expect(who.candidates[0]).toEqual({ subject: 'fay', score: expect.any(Number), match: true })
    expect(await service.send('POST', '/people/fay/verify', await mirroredCapture('f'))).toMatchObject({
      status: 200,
      body: { match: true },
    })
    expect((await service.send('POST', '/people/cleo/verify', await mirroredCapture('f'))).body).toMatchObject({
      match: false,
    })
  })

  it('refuses bad photos with reasons, and names it cannot keep or does not know', async () => {
    const photo = await sampleFace('f')
    const blurred = await sharp(photo).blur(12).jpeg().toBuffer()
    expect(await service.send('POST', '/identify', blurred)).toMatchObject({
      status: 422,
      body: { code: 'quality-rejected', reasons: [{ code: 'blur', advice: expect.any(String) }, {}] },
    })
    expect((await service.send('PUT', '/people/blurred', blurred)).status).toBe(422)
    expect((await service.send('PUT', '/people/fay', photo)).body.code).toBe('subject-exists')
    expect((await service.send('POST', '/people/nobody/verify', photo)).body.code).toBe('subject-unknown')
    expect((await service.send('PUT', '/people/a%00b', photo)).body.code).toBe('invalid-subject')
    expect((await service.send('POST', '/identify', Buffer.from('no photo'))).status).toBe(415)
  })

  it('forgets whom it is told to, and takes a name with SQL in it as a name', async () => {
    const name = encodeURIComponent("o'hara'; drop table face_templates; --")
    expect((await service.send('PUT', `/people/${name}`, await sampleFace('b'))).status).toBe(201)
    expect((await service.send('DELETE', `/people/${name}`)).status).toBe(204)
    expect((await service.send('DELETE', `/people/${name}`)).status).toBe(404)
    expect((await service.send('GET', '/people')).body.length).toBeGreaterThanOrEqual(4)
  })

  it('counts, is ready, tells no embedding, and ends when told to', async () => {
    const metrics = (await service.send('GET', '/metrics')).body
    expect(metrics).toMatch(/diffiqa_matcher_calls_total\{matcher="pgvector",operation="enrol",outcome="ok"\} \d/)
    expect(await service.send('GET', '/ready')).toMatchObject({ status: 200, body: { ready: true } })
    expect(JSON.stringify((await service.send('POST', '/identify', await mirroredCapture('c'))).body)).not.toMatch(
      /embedding|source/,
    )
    expect(await service.stop()).toBe(0)
  })
})
