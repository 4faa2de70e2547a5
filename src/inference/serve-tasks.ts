import { type MessagePort, workerData } from 'node:worker_threads'
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { shareDecoderSetup } from './decoder-setup.ts'
import { toWireError, type WireError } from './error-wire.ts'
import { setNativeGate } from './native-call.ts'
import type { Task, TaskHandler } from './task-handler.ts'

/** What the thread is started with. */
export interface ThreadData {
  readonly data: unknown
  readonly nativeGate: Int32Array
  readonly decoderSetup: Int32Array
}

/** What the main thread posts: `start` is answered when the handler is ready, `task` when it has worked. */
export type WorkerMessage =
  | { readonly type: 'start'; readonly port: MessagePort | undefined }
  | {
      readonly type: 'task'
      readonly task: Task
      readonly cancelFlag: Int32Array
      /** A duration: instants of two threads cannot be compared. */
      readonly remainingMs: number
    }

export type WorkerReply =
  | { readonly ok: true; readonly value: unknown; readonly serviceMs: number }
  | { readonly ok: false; readonly error: WireError }

/**
 * Makes the default export of a worker file: `export default serveTasks(async (workerData, port) => handler)`.
 *
 * Loading begins with the first message. A handler that cannot be made does not end the thread: its error is the answer to the first message,
 * so that the main thread can tell a missing model from a crash.
 */
export function serveTasks(
  createHandler: (workerData: unknown, port: MessagePort | undefined) => Promise<TaskHandler>,
): (message: WorkerMessage) => Promise<WorkerReply> {
  const { data, nativeGate, decoderSetup } = workerData as ThreadData
  setNativeGate(nativeGate)
  shareDecoderSetup(decoderSetup)
  let loading: Promise<TaskHandler> | undefined
  return async (message) => {
    try {
      loading ??= createHandler(data, message.type === 'start' ? message.port : undefined)
      const handler = await loading
      if (message.type === 'start') return { ok: true, value: undefined, serviceMs: 0 }
      const { task, cancelFlag, remainingMs } = message
      const start = performance.now()
      const { value, transfer } = await handler(task, {
        deadline: start + remainingMs,
        cancelled: () => Atomics.load(cancelFlag, 0) !== 0,
      })
      return withTransfer({ ok: true, value, serviceMs: performance.now() - start }, transfer)
    } catch (error) {
      return { ok: false, error: toWireError(error) }
    }
  }
}

/** Piscina moves what this pair of symbols names; its declared type knows a single object only, its code takes a list. */
function withTransfer(reply: WorkerReply, transfer: readonly ArrayBuffer[] | undefined): WorkerReply {
  if (!transfer || transfer.length === 0) return reply
  return move({ [transferableSymbol]: transfer, [valueSymbol]: reply } as never) as unknown as WorkerReply
}
