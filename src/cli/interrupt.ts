import { SIGNAL_EXIT } from './exit-codes.ts'

type Signal = keyof typeof SIGNAL_EXIT
const SIGNALS = Object.keys(SIGNAL_EXIT) as Signal[]

/** Stops the work on the first Ctrl-C or SIGTERM; the second ends the process at once. */
export class Interrupt {
  readonly #controller = new AbortController()
  #received: Signal | undefined

  readonly #onSignal = (signal: Signal): void => {
    if (this.#received) process.exit(SIGNAL_EXIT[signal])
    this.#received = signal
    this.#controller.abort()
  }

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal)
  }

  /** Aborted by a signal or by {@link stop}. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The exit code that a received signal asks for. */
  get exitCode(): number | undefined {
    return this.#received && SIGNAL_EXIT[this.#received]
  }

  /** Stop for another reason. */
  stop(): void {
    this.#controller.abort()
  }

  /** Leave signals to Node again. */
  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal)
  }
}
