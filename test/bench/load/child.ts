import { type ChildProcess, type ForkOptions, fork, type Serializable } from 'node:child_process'
import { on, once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A process that answers: its messages are kept until somebody asks for them. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #messages: AsyncIterator<unknown[]>

  constructor(script: string, args: readonly string[], options: ForkOptions = {}) {
    const path = fileURLToPath(new URL(script, import.meta.url))
    this.#process = fork(path, args, { serialization: 'advanced', ...options })
    this.#messages = on(this.#process, 'message', { close: ['exit'] })[Symbol.asyncIterator]()
  }

  send(message: Serializable): void {
    this.#process.send(message)
  }

  /** @throws Error when the process ends without one */
  async next<T>(): Promise<T> {
    const { done, value } = await this.#messages.next()
    if (done) throw new Error(`${this.#process.spawnargs.join(' ')} has ended with ${this.#process.exitCode}`)
    return value[0] as T
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = once(this.#process, 'exit')
    this.#process.disconnect()
    await gone
  }
}
