/**
 * Wait for work that does not listen to the signal itself: an abort ends the wait, the work ends by itself.
 * @throws the signal's reason, also before the work begins; whatever the work throws.
 */
export async function orAbort<T>(ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await ask()
  signal.throwIfAborted()
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([ask(), aborted])
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort)
  }
}
