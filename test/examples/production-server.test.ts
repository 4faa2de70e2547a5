import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { until } from '../fixtures/http.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { type Sample, samplesOf, sum } from '../metrics/series.ts'

// Processes that load networks, beside whatever else the machine does.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const SETTLE_MS = 1000

class Program implements AsyncDisposable {
  readonly #process: ChildProcess
  output = ''
  port = 0
  opsPort = 0

  private constructor(file: string, env: Readonly<Record<string, string>>) {
    const settings = { PORT: '0', OPS_PORT: '0', HOST: '127.0.0.1', WORKERS: '1', SETTLE_MS: String(SETTLE_MS) }
    this.#process = spawn(process.execPath, [`examples/production-server/${file}`], {
      env: { ...process.env, ...settings, ...env },
    })
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk) => {
        this.output += chunk
      })
  }

  static async start(file: string, env: Readonly<Record<string, string>> = {}): Promise<Program> {
    const program = new Program(file, env)
    await until(() => program.ended || program.output.includes('Listening'), 120_000)
    const [, port, opsPort] = /port (\d+);.* port (\d+)/.exec(program.output) ?? []
    if (!opsPort) throw new Error(`It did not start:\n${program.output}`)
    program.port = Number(port)
    program.opsPort = Number(opsPort)
    return program
  }

  get ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  async exit(): Promise<number | null> {
    if (!this.ended) await once(this.#process, 'exit')
    return this.#process.exitCode
  }

  async ops(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.opsPort}${path}`)
    return { status: response.status, text: await response.text() }
  }

  async metrics(): Promise<Sample[]> {
    return samplesOf((await this.ops('/metrics')).text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.ended) this.kill('SIGKILL')
    await this.exit()
  }
}

const requestsIn = (samples: readonly Sample[]) => sum(samples, 'diffiqa_request_duration_seconds_count')

/** Clients that send the same photo again as soon as they have an answer, over connections that they keep. */
class Traffic {
  readonly answers: { status: number; process: number | undefined }[] = []
  readonly losses: string[] = []
  #agent = new Agent({ keepAlive: true })
  readonly #program: Program
  readonly #photo: Buffer
  #clients: Promise<void>[] = []
  #on = false

  constructor(program: Program, photo: Buffer) {
    this.#program = program
    this.#photo = photo
  }

  get processes(): Set<number | undefined> {
    return new Set(this.answers.filter(({ status }) => status === 200).map((answer) => answer.process))
  }

  /** For a failed test: how many answers of which status each process gave, and what was lost. */
  get summary(): string {
    const counts = new Map<string, number>()
    for (const { status, process } of this.answers) {
      const key = `${process}: ${status}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    const each = [...counts].map(([key, count]) => `${key} × ${count}`)
    return [...each, `lost: ${this.losses.length}`].join(', ')
  }

  start(clients: number): void {
    this.#on = true
    this.#agent = new Agent({ keepAlive: true })
    this.#clients = Array.from({ length: clients }, async () => {
      while (this.#on) await this.send()
    })
  }

  async stop(): Promise<void> {
    this.#on = false
    await Promise.all(this.#clients)
    this.#agent.destroy()
  }

  send(): Promise<void> {
    return new Promise((resolve) => {
      const lost = (error: NodeJS.ErrnoException) => {
        this.losses.push(String(error.code))
        resolve()
      }
      const headers = { 'Content-Type': 'image/jpeg', 'Content-Length': this.#photo.length }
      const call = request({
        port: this.#program.port,
        host: '127.0.0.1',
        path: '/check',
        method: 'POST',
        agent: this.#agent,
        headers,
      })
      call.on('error', lost)
      call.on('response', (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('error', lost)
        response.on('end', () => {
          this.answers.push({ status: response.statusCode ?? 0, process: JSON.parse(text).process })
          resolve()
        })
      })
      call.end(this.#photo)
    })
  }
}

/** What a load balancer sees of an end: it asks whether the program is ready, and turns away when it is not. */
async function endsWell(program: Program, traffic: Traffic): Promise<void> {
  traffic.answers.length = 0
  traffic.start(4)
  await until(() => traffic.answers.length >= 4, 60_000)
  expect(await program.ops('/ready')).toEqual({ status: 200, text: '{"ready":true}' })
  program.kill('SIGTERM')
  let ready = { status: 200, text: '' }
  while (ready.status === 200) ready = await program.ops('/ready')
  expect(ready).toEqual({ status: 503, text: '{"ready":false}' })
  expect((await program.ops('/live')).status).toBe(200)
  const late = traffic.answers.length
  await until(() => traffic.answers.length > late, 60_000)
  expect(requestsIn(await program.metrics())).toBeGreaterThan(late)
  await traffic.stop()
  expect(traffic.losses).toEqual([])
  expect(new Set(traffic.answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(await program.exit()).toBe(0)
}

let photo: Buffer
beforeAll(async () => {
  photo = await sampleFace('f')
})

describe('examples/production-server, several processes', () => {
  let program: Program
  let traffic: Traffic
  beforeAll(async () => {
    program = await Program.start('cluster.js', { PROCESSES: '2' })
    traffic = new Traffic(program, photo)
  })
  afterAll(() => program?.[Symbol.asyncDispose]())

  it('are alive, ready, and counted together', async () => {
    expect((await program.ops('/live')).status).toBe(200)
    expect(await program.ops('/ready')).toEqual({ status: 200, text: '{"ready":true}' })
    traffic.start(6)
    await until(() => traffic.processes.size === 2 && traffic.answers.length >= 20, 60_000)
    await traffic.stop()
    const samples = await program.metrics()
    expect(requestsIn(samples)).toBe(traffic.answers.length)
    expect(sum(samples, 'diffiqa_verdicts_total')).toBe(traffic.answers.length)
    expect(sum(samples, 'diffiqa_workers')).toBe(2)
    expect(sum(samples, 'diffiqa_build_info')).toBe(1)
  })

  it('are replaced one after another at SIGHUP: no request is lost, and the sums never fall', async () => {
    const before = traffic.processes
    const seen: number[] = []
    traffic.start(6)
    program.kill('SIGHUP')
    while (!program.output.includes('Restarted:')) {
      seen.push(requestsIn(await program.metrics()))
      expect((await program.ops('/ready')).status).toBe(200)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const sent = traffic.answers.length
    await until(() => traffic.answers.length >= sent + 20, 60_000)
    await traffic.stop()
    expect(traffic.losses).toEqual([])
    expect(new Set(traffic.answers.map(({ status }) => status))).toEqual(new Set([200]))
    const pids = (/Restarted: (.*)/.exec(program.output)?.[1] ?? '').split(' ').map(Number)
    expect(pids).toHaveLength(2)
    for (const pid of pids) expect(before.has(pid)).toBe(false)
    for (const answer of traffic.answers.slice(-10)) expect(pids).toContain(answer.process)
    const samples = await program.metrics()
    seen.push(requestsIn(samples))
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(requestsIn(samples)).toBe(traffic.answers.length)
    expect(sum(samples, 'diffiqa_workers')).toBe(2)
  })

  it('stand in for one that is killed, and keep what it had counted', async () => {
    await program.metrics()
    const [pid] = (/Restarted: (.*)/.exec(program.output)?.[1] ?? '').split(' ').map(Number)
    process.kill(pid as number, 'SIGKILL')
    await until(() => program.output.includes(`Process ${pid} ended with SIGKILL`), 20_000)
    expect((await program.ops('/ready')).status).toBe(200)
    expect(requestsIn(await program.metrics())).toBe(traffic.answers.length)
    traffic.start(4)
    await expect
      .poll(async () => sum(await program.metrics(), 'diffiqa_workers'), { timeout: 120_000, interval: 100 })
      .toBe(2)
    await traffic.stop()
    // Connections that were opened meanwhile belong to the other process for as long as they live.
    traffic.start(4)
    await until(() => traffic.processes.size === 5, 60_000).catch(() => {
      throw new Error(`Not five processes answered: ${traffic.summary}\n${program.output}`)
    })
    await traffic.stop()
    expect(traffic.losses).toEqual([])
    const samples = await program.metrics()
    expect(requestsIn(samples)).toBe(traffic.answers.length)
    expect(sum(samples, 'diffiqa_workers')).toBe(2)
  })

  it('end at SIGTERM under load, with an answer for everybody', () => endsWell(program, traffic))
})

describe('examples/production-server, one process', () => {
  let program: Program
  beforeEach(async () => {
    program = await Program.start('main.js')
  })
  afterEach(() => program?.[Symbol.asyncDispose]())

  it('ends at SIGTERM under load, with an answer for everybody', () => endsWell(program, new Traffic(program, photo)))

  it('at a second SIGTERM ends at once', async () => {
    program.kill('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 100))
    program.kill('SIGTERM')
    expect(await program.exit()).toBe(1)
  })
})
