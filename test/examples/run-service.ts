import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const SCRIPT = 'examples/identification-service/main.js'

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: whatever a route answers.
  readonly body: any
}

/** The identification service in a process of its own, as its users start it. */
export class RunningService implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly url: string
  #output: string

  private constructor(child: ChildProcess, url: string, output: string) {
    this.#child = child
    this.url = url
    this.#output = output
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (this.#output += chunk))
  }

  /** Resolves when the sample people are enrolled and it serves. */
  static async start(environment: NodeJS.ProcessEnv = {}): Promise<RunningService> {
    const child = spawn(process.execPath, [SCRIPT], { env: { ...process.env, PORT: '0', ...environment } })
    let output = ''
    const url = await new Promise<string>((found, failed) => {
      child.once('exit', (code) => failed(new Error(`The service ended with ${code}: ${output}`)))
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk) => {
          output += chunk
          const [, address] = /Serving until Ctrl-C:[\s\S]*?(http:\/\/127\.0\.0\.1:\d+)/.exec(output) ?? []
          if (address) found(address)
        })
      }
    })
    child.removeAllListeners('exit')
    return new RunningService(child, url, output)
  }

  get output(): string {
    return this.#output
  }

  async send(method: string, path: string, photo?: Uint8Array): Promise<Answer> {
    const init = photo && { body: Buffer.from(photo), headers: { 'content-type': 'image/jpeg' } }
    const response = await fetch(`${this.url}${path}`, { method, ...init })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, body: isJson ? JSON.parse(text) : text }
  }

  /** Ends it as an operator does. @returns its exit code */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    return (await exited)[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
