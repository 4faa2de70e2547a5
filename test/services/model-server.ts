import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportModels } from '../../src/cli/export-models.ts'
import type { RemoteServer } from '../fixtures/remote-gate-suite.ts'
import { endProcess } from './end-process.ts'
import { freePort } from './free-port.ts'
import { program } from './program.ts'

export type ModelServerKind = 'kserve' | 'mlserver'

/** The folder of `express-diffiqa export-models`, to be removed by the caller. */
export async function exported(server: ModelServerKind | 'triton'): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), `diffiqa-${server}-`))
  await exportModels(['--server', server, '--out', folder])
  return folder
}

/** KServe's or MLServer's own server, which has loaded what `express-diffiqa export-models` wrote for it. */
export class ModelServer implements RemoteServer {
  readonly #kind: ModelServerKind
  readonly #folder: string
  readonly #ports: readonly number[]
  #process: ChildProcess | undefined

  private constructor(kind: ModelServerKind, folder: string, ports: readonly number[]) {
    this.#kind = kind
    this.#folder = folder
    this.#ports = ports
  }

  /** @param prepare - changes the folder before the server reads it */
  static async open(kind: ModelServerKind, prepare: (folder: string) => void = () => {}): Promise<ModelServer> {
    const folder = await exported(kind)
    prepare(folder)
    const server = new ModelServer(kind, folder, [await freePort(), await freePort(), await freePort()])
    try {
      await server.start()
      return server
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.#ports[0]}`
  }

  async start(): Promise<void> {
    const child = this.#spawn()
    let log = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        log = (log + String(chunk)).slice(-10_000)
      })
    }
    this.#process = child
    for (;;) {
      if (child.exitCode !== null) throw new Error(`${this.#kind} did not start:\n${log}`)
      if (await this.#ready()) return
      await sleep(100)
    }
  }

  /** It keeps its port and its connections, and does nothing any more. */
  stop(): void {
    this.#process?.kill('SIGSTOP')
  }

  goOn(): void {
    this.#process?.kill('SIGCONT')
  }

  /** At once and without a word to anybody. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    await endProcess(child, 'SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #spawn(): ChildProcess {
    const [http, grpc, metrics] = this.#ports.map(String)
    const options = { cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] }
    const threads = { DIFFIQA_THREADS: '1' }
    if (this.#kind === 'kserve') {
      const args = ['serve.py', '--http_port', String(http), '--enable_grpc', 'false']
      return spawn(program('kserve-python', 'kserve'), args, { ...options, env: { ...process.env, ...threads } })
    }
    const env = {
      ...process.env,
      ...threads,
      MLSERVER_HOST: '127.0.0.1',
      MLSERVER_HTTP_PORT: http,
      MLSERVER_GRPC_PORT: grpc,
      MLSERVER_METRICS_PORT: metrics,
    }
    return spawn(program('mlserver', 'mlserver'), ['start', '.'], { ...options, env })
  }

  async #ready(): Promise<boolean> {
    return fetch(`${this.url}/v2/models/diffiqa-regressor/ready`).then(
      (response) => response.ok,
      () => false,
    )
  }
}
