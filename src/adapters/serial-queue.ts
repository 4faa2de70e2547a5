/**
 * Runs one task at a time, in order. A task that fails or runs over its time does not hold up the next.
 */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()

  /** @param signal A task whose signal is aborted while it waits is not begun. */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const result = this.#last.then(() => {
      signal?.throwIfAborted()
      return task()
    })
    this.#last = result.catch(() => {})
    return result
  }
}
