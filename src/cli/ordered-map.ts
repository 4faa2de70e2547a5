/**
 * Maps items concurrently and yields the answers in the order of the items. At most `window` items are in work or waiting to be
 * yielded, so memory stays bounded however slow one item or the consumer is. A rejection is thrown when its turn comes.
 *
 * When the signal fires nothing more is taken from `items`; what is in work is not yielded.
 */
export async function* orderedMap<T, R>(
  items: AsyncIterable<T>,
  map: (item: T) => Promise<R>,
  window: number,
  signal?: AbortSignal,
): AsyncGenerator<R, void, undefined> {
  const source = items[Symbol.asyncIterator]()
  const running: Promise<R>[] = []
  try {
    for (let ended = false; ; ) {
      while (!ended && running.length < window && !signal?.aborted) {
        const next = await source.next()
        if (next.done) ended = true
        else {
          const answer = map(next.value)
          answer.catch(() => {}) // Handled when its turn comes.
          running.push(answer)
        }
      }
      const first = running.shift()
      if (!first || signal?.aborted) return
      const answer = await first
      if (signal?.aborted) return
      yield answer
    }
  } finally {
    await source.return?.()
    await Promise.allSettled(running)
  }
}
