import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RunningService } from '../examples/run-service.ts'
import { mirroredCapture } from '../fixtures/probes.ts'
import { PostgresServer } from './postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.open()
})
afterAll(() => server?.[Symbol.asyncDispose]())

describe('examples/identification-service on PostgreSQL', () => {
  it('keeps people over a restart, tells when the database is gone, and goes on when it is back', async () => {
    await using first = await RunningService.start({ DATABASE_URL: server.url })
    expect(first.output).toContain('People are kept in PostgreSQL.')
    expect(first.output).toMatch(/^201 {2}enrol fay/m)
    expect(await first.stop()).toBe(0)

    await using second = await RunningService.start({ DATABASE_URL: server.url })
    expect(second.output).toMatch(/^409 {2}enrol fay +subject-exists/m)
    const probe = await mirroredCapture('f')
    expect((await second.send('POST', '/identify', probe)).body).toMatchObject({ subject: 'fay' })

    await server.stop()
    expect(await second.send('POST', '/identify', probe)).toMatchObject({
      status: 503,
      body: { code: 'matcher-unreachable' },
    })
    expect((await second.send('GET', '/ready')).status).toBe(503)
    await server.start()
    expect((await second.send('GET', '/ready')).status).toBe(200)
    expect((await second.send('POST', '/identify', probe)).body).toMatchObject({ subject: 'fay' })
  })
})
