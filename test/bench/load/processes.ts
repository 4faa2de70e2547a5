import type { GateOptions } from '../../../src/gate/options.ts'
import type { Escalation } from '../../../src/gate/types.ts'
import { MALLOC } from '../allocator.ts'
import type { Answer, Load } from './answers.ts'
import { Child } from './child.ts'
import type { Report } from './generator.ts'

/** Waiting, work of the fast score, waiting and work of full DifFIQA, whole gate (milliseconds), and what became of the second look. */
export type VerdictTimes = readonly [number, number, number, number, number, Escalation]

/** What the service saw of itself in a window. */
export interface Window {
  readonly seconds: number
  /** Of all threads. */
  readonly cpuSeconds: number
  /** Seconds in which the main thread had something to do. */
  readonly loopActive: number
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number }
  /** Of the first thousand. */
  readonly verdicts: readonly VerdictTimes[]
  /** All verdicts. */
  readonly judged: number
  /** Photos turned away, by reason. */
  readonly shed: Readonly<Record<string, number>>
  /** Resident bytes, a sample each quarter of a second. */
  readonly rss: readonly number[]
  /** JavaScript's heap of the main thread and buffers outside of it, likewise. */
  readonly heap: readonly number[]
}

/** On a busy machine. */
const START_MS = 120_000

/** The service under load, set up as by deploy/Dockerfile. */
export class Server implements AsyncDisposable {
  readonly url: string
  /** Resident bytes when it could take photos. */
  readonly rss: number
  readonly #child: Child

  private constructor(child: Child, { port, rss }: { readonly port: number; readonly rss: number }) {
    this.#child = child
    this.rss = rss
    this.url = `http://127.0.0.1:${port}/probe`
  }

  static async start(options: GateOptions): Promise<Server> {
    const child = new Child('server.js', [JSON.stringify({ startTimeoutMs: START_MS, ...options })], {
      execArgv: [],
      env: { ...process.env, ...MALLOC },
    })
    return new Server(child, await child.next())
  }

  begin(): void {
    this.#child.send('begin')
  }

  end(): Promise<Window> {
    this.#child.send('end')
    return this.#child.next()
  }

  /** Milliseconds until nothing was left to do. */
  idle(): Promise<number> {
    this.#child.send('idle')
    return this.#child.next()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]()
  }
}

/** What one load came to, seen from both sides. */
export interface Seen {
  readonly answers: readonly Answer[]
  readonly window: Window
  /** Of the process that made the load: processor seconds a second. */
  readonly generatorCpu: number
  /** Milliseconds from the last answer until the service had nothing left to do. */
  readonly idleMs: number
}

/** The load's process. */
export class Generator implements AsyncDisposable {
  readonly #child: Child

  private constructor(child: Child) {
    this.#child = child
  }

  static async start(): Promise<Generator> {
    const child = new Child('generator.ts', [], { execArgv: ['--import', 'tsx'] })
    await child.next<Report>()
    return new Generator(child)
  }

  async run(server: Server, load: Load): Promise<Seen> {
    this.#child.send({ url: server.url, load })
    let window: Window | undefined
    for (;;) {
      const report = await this.#child.next<Report>()
      if (report === 'begin') server.begin()
      else if (report === 'end') window = await server.end()
      else if (report !== 'ready') {
        if (!window) throw new Error('the load ended before its window')
        const { answers, cpuSeconds, seconds } = report
        return { answers, window, generatorCpu: cpuSeconds / seconds, idleMs: await server.idle() }
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]()
  }
}
