import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** Resolves when it has ended; at once for one that has already. */
export async function endProcess(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}
