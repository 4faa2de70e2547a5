import { workerData } from 'node:worker_threads'
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { toWireError, type WireError } from './error-wire.ts'
import { setNativeGate } from './native-call.ts'
import type { Task, TaskHandler } from './task-handler.ts'

/** What the thread is started with. */
export interface ThreadData {
  readonly data: unknown
  readonly nativeGate: Int32Array
}

/** What the main thread posts: `start` is answered when the handler is ready, `task` when it has worked. */
export type WorkerMessage =
  | { readonly type: 'start' }
  | { readonly type: 'task'; readonly task: Task; readonly cancelFlag: Int32Array }

export type WorkerReply =
  | { readonly ok: true; readonly value: unknown; readonly serviceMs: number }
  | { readonly ok: false; readonly error: WireError }

/**
 * Makes the default export of a worker file: `export default serveTasks(async (workerData) => handler)`.
 *
 * Loading begins at once. A handler that cannot be made does not end the thread: its error is the answer to the first message,
 * so that the main thread can tell a missing model from a crash.
 */
export function serveTasks(
  createHandler: (workerData: unknown) => Promise<TaskHandler>,
): (message: WorkerMessage) => Promise<WorkerReply> {
  const { data, nativeGate } = workerData as ThreadData
  setNativeGate(nativeGate)
  const loading = Promise.resolve(data).then(createHandler)
  // Every message awaits `loading` and reports its failure; without this line an early failure would end the thread.
  loading.catch(() => {})
  return async (message) => {
    try {
      const handler = await loading
      if (message.type === 'start') return { ok: true, value: undefined, serviceMs: 0 }
      const { task, cancelFlag } = message
      const start = performance.now()
      const { value, transfer } = await handler(task, { cancelled: () => Atomics.load(cancelFlag, 0) !== 0 })
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
