import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Math.max(0, ...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs))
}

const built = (): number => statSync('dist/worker.js', { throwIfNoEntry: false })?.mtimeMs ?? 0

/**
 * Worker threads load the built worker, so it has to be as new as the source under test. A build that is new enough stays: a second run
 * in the same checkout would otherwise take the files away from under the first.
 */
export default function setup(): void {
  if (built() > Math.max(newest('src'), statSync('tsdown.config.ts').mtimeMs)) return
  execFileSync('npx', ['tsdown', '--logLevel', 'error'], { stdio: 'inherit' })
}
