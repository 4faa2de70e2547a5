import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll } from 'vitest'

// A copy of the built package beside links to what it needs: a build in another terminal does not pull the files away.
const home = mkdtempSync(join(tmpdir(), 'diffiqa-home-'))
afterAll(() => rmSync(home, { recursive: true }))
cpSync('dist', join(home, 'dist'), { recursive: true })
cpSync('package.json', join(home, 'package.json'))
for (const name of ['node_modules', 'models', 'monitoring']) symlinkSync(resolve(name), join(home, name))

/** The built command; vitest's global setup builds it. */
export const CLI = join(home, 'dist/cli.js')

export interface CliRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly cwd?: string
  /** @default that of the tests */
  readonly env?: NodeJS.ProcessEnv
  readonly script?: string
  /** Of Node itself. */
  readonly execArgv?: readonly string[]
  /** Called with each piece of standard output and the process. */
  readonly onOutput?: (text: string, child: ReturnType<typeof spawn>) => void
  /** Where standard output goes. @default a pipe that is read */
  readonly stdout?: number
}

/** Runs `express-diffiqa` as a process of its own. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const child = spawn(process.execPath, [...(options.execArgv ?? []), options.script ?? CLI, ...args], {
    cwd: options.cwd,
    ...(options.env && { env: options.env }),
    stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
    timeout: 100_000,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    options.onOutput?.(text, child)
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('close', (code) => done({ code, stdout, stderr }))
  })
}

/** The objects of JSON Lines; throws where anything else is among them. */
export function jsonLines(text: string): Record<string, unknown>[] {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line is not whole')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}
