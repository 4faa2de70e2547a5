const RUNNING = 1
const DONE = 2
/** A thread that was ended in the middle is not waited for longer; setting up takes microseconds. */
const WAIT_MS = 1000

let state: Int32Array = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))

/** What this thread knows of the decoder's setup, to be handed to the threads that it starts. */
export const decoderSetup = (): Int32Array => state

/** In a worker thread, once, before anything is decoded. */
export function shareDecoderSetup(shared: Int32Array): void {
  state = shared
}

/**
 * Runs `setUp` in the first thread that comes here and lets the others wait for it. What libvips may load is a setting of the whole
 * process and cannot be changed in one step: a second thread that set it again would make photos fail that others are decoding.
 */
export function setUpDecoderOnce(setUp: () => void): void {
  if (Atomics.compareExchange(state, 0, 0, RUNNING) === RUNNING) Atomics.wait(state, 0, RUNNING, WAIT_MS)
  if (Atomics.load(state, 0) === DONE) return
  setUp()
  Atomics.store(state, 0, DONE)
  Atomics.notify(state, 0)
}
