import type { MessagePort } from 'node:worker_threads'
import { fromWireError, toWireError, type WireError } from '../error-wire.ts'
import { MODEL_CONTRACTS } from '../model-contract.ts'
import type { Tensor, TensorModel } from '../tensor-model.ts'
import type { Feeds } from './oip-server.ts'
import type { RemoteModelName } from './remote-models.ts'

interface TensorCall {
  readonly id: number
  readonly model: RemoteModelName
  readonly feeds: Feeds
  /** A duration: instants of two threads cannot be compared. */
  readonly remainingMs: number
}

type TensorReply =
  | { readonly id: number; readonly ok: true; readonly outputs: Record<string, Tensor> }
  | { readonly id: number; readonly ok: false; readonly error: WireError }

/** Runs a network; `deadline` is an instant of `performance.now()`. */
type RunTensors = (model: RemoteModelName, feeds: Feeds, deadline: number) => Promise<Record<string, Tensor>>

/** In the thread that has the connections: answers the calls of one worker, until the worker ends. */
export function serveTensors(port: MessagePort, run: RunTensors): void {
  port.on('message', async ({ id, model, feeds, remainingMs }: TensorCall) => {
    try {
      const outputs = await run(model, feeds, performance.now() + remainingMs)
      const buffers = new Set(Object.values(outputs).map(({ data }) => data.buffer as ArrayBuffer))
      port.postMessage({ id, ok: true, outputs } satisfies TensorReply, [...buffers])
    } catch (error) {
      port.postMessage({ id, ok: false, error: toWireError(error) } satisfies TensorReply)
    }
  })
  // The gate's workers decide how long the process lives.
  port.unref()
}

/** In a worker: networks that are run by the thread at the other end of a port. */
export class TensorPort {
  readonly #port: MessagePort
  readonly #open = new Map<
    number,
    { resolve: (outputs: Record<string, Tensor>) => void; reject: (error: Error) => void }
  >()
  #lastId = 0
  /** Of the task that runs, an instant of `performance.now()`: a worker has one task at a time. */
  deadline = Number.POSITIVE_INFINITY

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', (reply: TensorReply) => {
      const call = this.#open.get(reply.id)
      this.#open.delete(reply.id)
      if (reply.ok) call?.resolve(reply.outputs)
      else call?.reject(fromWireError(reply.error))
    })
  }

  model(name: RemoteModelName): TensorModel {
    const { inputs, outputs } = MODEL_CONTRACTS[name]
    return { inputs, outputs, run: (feeds) => this.#run(name, feeds), dispose: async () => {} }
  }

  #run(model: RemoteModelName, feeds: Feeds): Promise<Record<string, Tensor>> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      this.#open.set(id, { resolve, reject })
      this.#port.postMessage({ id, model, feeds, remainingMs: this.deadline - performance.now() } satisfies TensorCall)
    })
  }
}
