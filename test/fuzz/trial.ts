import { isDiffiqaError } from '../../src/errors.ts'
import { createGate } from '../../src/gate/create-gate.ts'
import type { Gate } from '../../src/gate/gate.ts'

/** What the docs promise for the bytes of a photo that come as a file; anything else is a fault. */
const ALLOWED = [
  'scored',
  'empty-body',
  'unsupported-media-type',
  'too-many-pixels',
  'unreadable-image',
  'no-face',
  'several-faces',
  'face-too-small',
]
/**
 * The gate's default deadline, here for the time that processors spend on a photo: on a machine with other work that hardly changes, while
 * the time by the clock can be any.
 */
const LIMIT_MS = 2000
const PATIENCE_MS = 60_000
const POLL_MS = 2

export interface TrialResult {
  /** `scored`, or the code of the refusal. */
  readonly code: string
  /** How long the worker had the photo, by the clock. */
  readonly heldMs: number
  /** What processors spent on it, of all threads together. */
  readonly cpuMs: number
  /** What is wrong with that; undefined where all is well. */
  readonly fault: string | undefined
}

/** A real gate on one worker, to which a photo must do no harm. */
export class Trial {
  readonly #gate: Gate
  readonly #limitMs: number
  #restarts = 0

  private constructor(gate: Gate, limitMs: number) {
    this.#gate = gate
    this.#limitMs = limitMs
    gate.on('worker-restart', () => this.#restarts++)
  }

  static async open(limitMs: number = LIMIT_MS): Promise<Trial> {
    const patience = { deadlineMs: PATIENCE_MS, watchdogMs: PATIENCE_MS }
    return new Trial(await createGate({ workers: 1, escalationBudget: 0, ...patience }), limitMs)
  }

  async run(bytes: Uint8Array): Promise<TrialResult> {
    this.#restarts = 0
    const start = performance.now()
    const used = process.cpuUsage()
    const code = await this.#codeOf(bytes)
    while (this.#gate.stats().workers.idle === 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    const { user, system } = process.cpuUsage(used)
    const cpuMs = (user + system) / 1000
    return { code, heldMs: performance.now() - start, cpuMs, fault: this.#faultOf(code, cpuMs) }
  }

  close(): Promise<void> {
    return this.#gate.close()
  }

  async #codeOf(bytes: Uint8Array): Promise<string> {
    try {
      await this.#gate.assess(bytes)
      return 'scored'
    } catch (error) {
      return isDiffiqaError(error) ? error.code : `untyped: ${String(error)}`
    }
  }

  #faultOf(code: string, cpuMs: number): string | undefined {
    if (this.#restarts > 0) return `${code}, and the worker had to be replaced`
    if (!ALLOWED.includes(code)) return code
    return cpuMs > this.#limitMs ? `${code}, but it took ${Math.round(cpuMs)} ms` : undefined
  }
}
