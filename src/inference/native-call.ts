import { DiffiqaError } from '../errors.ts'

const INSIDE = 1

let state: Int32Array | undefined
let depth = 0

/** In a worker thread, once: `NativeGate.state` of the thread that may end this one. */
export function setNativeGate(shared: Int32Array): void {
  state = shared
}

/**
 * Runs what calls into onnxruntime, kept from being ended in the middle (see native-gate.ts); without a gate, just runs it.
 *
 * @throws DiffiqaError `shutting-down` when this thread is about to be ended
 */
export async function nativeCall<T>(call: () => Promise<T>): Promise<T> {
  enter()
  try {
    return await call()
  } finally {
    leave()
  }
}

function enter(): void {
  if (state && depth === 0 && Atomics.compareExchange(state, 0, 0, INSIDE) !== 0)
    throw new DiffiqaError('shutting-down')
  depth++
}

function leave(): void {
  depth--
  if (!state || depth > 0) return
  Atomics.and(state, 0, ~INSIDE)
  Atomics.notify(state, 0)
}
