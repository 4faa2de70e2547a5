/**
 * Keeps a thread from being ended inside of onnxruntime. A thread that is terminated there (also by process.exit() of the main thread)
 * makes the runtime throw a C++ exception nobody catches, and that aborts the whole process. So the thread says when it is inside,
 * and whoever wants to end it closes the gate and waits until it is out.
 *
 * State, shared by both threads: bit 0 = the thread is inside, bit 1 = the gate is closed and nobody may go in any more.
 */
const INSIDE = 1
const CLOSED = 2

const POLL_MS = 5
/** Longest wait for a thread at the exit of the process; a full score's batch takes about a second. */
const EXIT_WAIT_MS = 5000

const watched = new Set<NativeGate>()

/** The side that ends the thread. */
export class NativeGate {
  /** To be handed to the thread. */
  readonly state = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))

  constructor() {
    if (watched.size === 0) process.on('exit', closeAll)
    watched.add(this)
  }

  /** Keeps the thread out from now on and resolves when it may be ended, which can take as long as one run of a network. */
  async close(): Promise<void> {
    while (!this.#shut()) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }

  /** The thread has ended. */
  release(): void {
    if (watched.delete(this) && watched.size === 0) process.off('exit', closeAll)
  }

  /** As `close()`, but blocks. */
  closeSync(waitMs: number): void {
    if (!this.#shut()) Atomics.wait(this.state, 0, INSIDE | CLOSED, waitMs)
  }

  #shut(): boolean {
    return (Atomics.or(this.state, 0, CLOSED) & INSIDE) === 0
  }
}

/** The last chance before Node ends the threads itself. */
function closeAll(): void {
  const end = performance.now() + EXIT_WAIT_MS
  for (const gate of watched) gate.closeSync(Math.max(0, end - performance.now()))
}
