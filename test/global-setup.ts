import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Worker threads load the built worker, so it has to be as new as the source under test. */
export default function setup(): void {
  if (!existsSync('src/worker.ts')) return
  execFileSync('npx', ['tsdown', '--logLevel', 'error'], { stdio: 'inherit' })
}
