import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { endProcess } from './end-process.ts'
import { freePort } from './free-port.ts'
import { program } from './program.ts'

/** A Redis of the test's own on a port of this machine; what it has answered outlives its end. */
export class RedisServer implements AsyncDisposable {
  readonly port: number
  /** For looking into it. */
  readonly client: Redis
  readonly #home: string
  readonly #options: readonly string[]
  #process: ChildProcess | undefined

  private constructor(port: number, home: string, options: readonly string[], password: string | undefined) {
    this.port = port
    this.#home = home
    this.#options = options
    this.client = new Redis({ port, lazyConnect: true, maxRetriesPerRequest: null, ...(password && { password }) })
    this.client.on('error', () => {}) // It goes away on purpose.
  }

  /** @param options Of the server's command line, such as `--replicaof`. */
  static async open(options: readonly string[] = [], password?: string): Promise<RedisServer> {
    const home = mkdtempSync(join(tmpdir(), 'diffiqa-redis-'))
    const secret = password ? ['--requirepass', password] : []
    const server = new RedisServer(await freePort(), home, [...options, ...secret], password)
    try {
      await server.start()
      return server
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Resolves when it answers; also after {@link kill}, with the same port and data. */
  async start(): Promise<void> {
    const child = spawn(
      program('redis-server', 'redis'),
      [
        '--port',
        String(this.port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
      ].concat('--dir', this.#home, this.#options),
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let log = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        log = (log + String(chunk)).slice(-10_000)
      })
    }
    this.#process = child
    while (!/Ready to accept connections/i.test(log)) {
      if (child.exitCode !== null) throw new Error(`Redis did not start:\n${log}`)
      await sleep(20)
    }
    if (this.client.status === 'wait') await this.client.connect()
    await this.client.ping()
  }

  /** At once and without a word to anybody. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    await endProcess(child, 'SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.disconnect()
    await this.kill()
    rmSync(this.#home, { recursive: true, force: true })
  }
}
