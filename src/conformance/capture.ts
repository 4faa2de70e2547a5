const METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table'] as const

/**
 * What is written while `work` runs: everything through the console and to stderr, and what names one of `secrets` to stdout, where test
 * runners write too. It is written nonetheless.
 */
export async function capture(secrets: readonly string[], work: () => Promise<void>): Promise<string[]> {
  const written: string[] = []
  const restore = [
    ...METHODS.map((method) => tap(console, method, (given) => written.push(`console.${method}: ${String(given)}`))),
    tap(process.stderr, 'write', (text) => typeof text === 'string' && written.push(`stderr: ${text}`)),
    tap(process.stdout, 'write', (text) => {
      if (typeof text === 'string' && secrets.some((secret) => text.includes(secret))) written.push(`stdout: ${text}`)
    }),
  ]
  try {
    await work()
  } finally {
    for (const undo of restore) undo()
  }
  return written
}

function tap<K extends string>(
  on: Record<K, unknown> | object,
  method: K,
  tell: (first: unknown) => unknown,
): () => void {
  const target = on as Record<K, (...given: unknown[]) => unknown>
  const original = target[method]
  target[method] = (...given: unknown[]) => {
    tell(given[0])
    return original.apply(on, given)
  }
  return () => {
    target[method] = original
  }
}
