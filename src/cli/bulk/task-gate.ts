import type { Gate } from '../../gate/gate.ts'
import { openGate } from '../open-gate.ts'
import { type BulkTask, taskName } from './bulk-task.ts'

interface TaskGateOptions {
  readonly jobs: number
  readonly modelsDir?: string
  /** Told of each gate that is opened. */
  readonly onGate: (gate: Gate) => void
}

/** The gate for the task at hand; another one when the queue is used for something else. */
export class TaskGate implements AsyncDisposable {
  readonly #options: TaskGateOptions
  #task: string | undefined
  #gate: Promise<Gate> | undefined

  constructor(options: TaskGateOptions) {
    this.#options = options
  }

  /** @throws DiffiqaError of `createGate()` */
  for(task: BulkTask): Promise<Gate> {
    if (!this.#gate || this.#task !== taskName(task)) {
      this.#task = taskName(task)
      this.#gate = this.#open(task, this.#gate)
      this.#gate.catch(() => {})
    }
    return this.#gate
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#gate?.catch(() => undefined))?.close({ timeoutMs: 0 })
  }

  async #open({ kind, full, policy, preset }: BulkTask, before: Promise<Gate> | undefined): Promise<Gate> {
    await (await before?.catch(() => undefined))?.close()
    const { jobs, modelsDir, onGate } = this.#options
    // An audit runs full DifFIQA wherever it is uncertain. Never in this thread: it keeps the jobs' locks alive.
    const needs = {
      jobs,
      full: full || kind === 'audit',
      policy,
      preset,
      ...(modelsDir !== undefined && { modelsDir }),
    }
    const gate = await openGate(needs, false)
    onGate(gate)
    return gate
  }
}
