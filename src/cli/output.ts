import type { Writable } from 'node:stream'

/**
 * Standard output as a place that may fill up, fail, or be closed by its reader (`| head`): a closed one takes everything in
 * silence and tells `onClosed`, so that the work can end; any other failure is thrown by the next `write()`.
 */
export class Output {
  readonly #stream: Writable
  #closed = false
  #failure: Error | undefined

  constructor(stream: Writable, onClosed: () => void = () => {}) {
    this.#stream = stream
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') {
        this.#closed = true
        onClosed()
      } else this.#failure ??= error
    })
  }

  /** The reader has gone away. */
  get closed(): boolean {
    return this.#closed
  }

  /** Resolves when the stream wants more. */
  async write(text: string): Promise<void> {
    if (this.#failure) throw this.#failure
    if (this.#closed || text === '') return
    if (this.#stream.write(text)) return
    await this.#drained()
    if (this.#failure) throw this.#failure
  }

  /** Everything written has left the process. */
  async flush(): Promise<void> {
    if (!this.#closed && !this.#failure) await new Promise<void>((done) => this.#stream.write('', () => done()))
    if (this.#failure) throw this.#failure
  }

  #drained(): Promise<void> {
    const stream = this.#stream
    return new Promise((resolve) => {
      const done = (): void => {
        for (const event of ['drain', 'error', 'close']) stream.off(event, done)
        resolve()
      }
      for (const event of ['drain', 'error', 'close']) stream.on(event, done)
    })
  }
}
