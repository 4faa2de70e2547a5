import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { OPEN_API } from '../fixtures/openapi.ts'
import { program } from './program.ts'

const folder = mkdtempSync(join(tmpdir(), 'diffiqa-openapi-'))
let server: ChildProcess
let url: string
let output = ''

beforeAll(async () => {
  server = spawn(process.execPath, ['examples/minimal-server/server.js'], { env: { ...process.env, PORT: '0' } })
  url = await new Promise((found, failed) => {
    server.once('exit', (code) => failed(new Error(`The server ended with ${code}: ${output}`)))
    for (const stream of [server.stdout, server.stderr])
      stream?.on('data', (chunk) => {
        output += chunk
        const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? []
        if (address) found(address)
      })
  })
})

afterAll(async () => {
  server.removeAllListeners('exit')
  if (server.exitCode === null) {
    server.kill()
    await once(server, 'exit')
  }
  rmSync(folder, { recursive: true })
})

interface Attack {
  readonly code: number | undefined
  readonly text: string
  /** Requests that were sent. */
  readonly cases: number
}

/** The routes of examples/minimal-server by a document: valid and invalid requests, alone and one after the other. */
function attack(document: object, paths: string, maxExamples: number): Promise<Attack> {
  const file = join(folder, 'openapi.yaml')
  writeFileSync(file, stringify(document))
  const args = [
    ['run', file, '--url', url, '--include-path-regex', paths],
    ['--max-examples', String(maxExamples), '--seed', '18', '--generation-database', 'none', '--request-timeout', '20'],
    // No schema says which bytes are a photo of a face; and which answer Express gives to other methods is the application's matter.
    ['--exclude-checks', 'positive_data_acceptance,unsupported_method', '--no-color'],
  ].flat()
  return new Promise((resolve) => {
    execFile(program('schemathesis', 'schemathesis'), args, { cwd: folder, timeout: 280_000 }, (error, text) => {
      const cases = Number(/(\d+) generated/.exec(text)?.[1] ?? 0)
      resolve({ code: error ? Number(error.code) : 0, text, cases })
    })
  })
}

describe('the example server under what its OpenAPI document allows, and what it does not', () => {
  it('answers every request as the document says, and none with a failure of its own', async () => {
    const { code, text, cases } = await attack(OPEN_API, '^/(people|identify|metrics|ready)', 40)
    expect(text).not.toMatch(/Undocumented|Server error|violates schema|Traceback/)
    expect([code, text.includes('Tested: 5')]).toEqual([0, true])
    expect(cases).toBeGreaterThan(150)
    expect(server.exitCode).toBe(null)
    expect(await (await fetch(`${url}/ready`)).json()).toEqual({ ready: true })
    expect(output.trim().split('\n')).toHaveLength(1)
  }, 300_000)

  it('would tell of an answer that is not described', async () => {
    const document = structuredClone(OPEN_API)
    for (const status of ['400', '415']) delete document.paths['/identify'].post.responses[status]
    const { code, text } = await attack(document, '^/identify$', 5)
    expect(code).toBe(1)
    expect(text).toMatch(/Undocumented/)
  }, 300_000)
})
