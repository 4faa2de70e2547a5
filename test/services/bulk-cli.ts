import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import sharp from 'sharp'
import { CLI, jsonLines } from '../cli/run-cli.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { endProcess } from './end-process.ts'

/** A command that goes on until it is told to end. */
export class BulkProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  #stderr = ''
  #stdout = ''

  constructor(args: readonly string[], { cwd, launcher = [] }: { cwd: string; launcher?: readonly string[] }) {
    const [file = '', ...rest] = [...launcher, process.execPath, CLI, ...args]
    this.#child = spawn(file, rest, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.#stdout += text
    })
  }

  get stderr(): string {
    return this.#stderr
  }

  get stdout(): string {
    return this.#stdout
  }

  /** Resolves when it has ended, with its exit code. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close')
    return this.#child.exitCode
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await endProcess(this.#child, signal)
  }

  /** Its Prometheus series by name and labels, once it serves them. */
  async series(): Promise<Record<string, number>> {
    const address = (): string | undefined => /metrics at (\S+)/.exec(this.#stderr)?.[1]
    await until(() => address() !== undefined)
    const text = await (await fetch(address() as string)).text()
    const rows = text.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm)
    return Object.fromEntries(Array.from(rows, ([, name, value]) => [name as string, Number(value)]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
  }
}

/** Asks again and again; the test's own time limit is the only one. */
export async function until(condition: () => boolean | Promise<boolean>, pauseMs = 20): Promise<void> {
  while (!(await condition())) await sleep(pauseMs)
}

export type ResultLine = Record<string, unknown> & {
  readonly id: string
  readonly file: string
  readonly failed: boolean
  readonly score?: number
  readonly error?: { readonly code: string }
}

export const readResults = (path: string): ResultLine[] => jsonLines(readFileSync(path, 'utf8')) as ResultLine[]

/** Code, or decision, by file. */
export const outcomes = (lines: readonly ResultLine[]): Record<string, unknown> =>
  Object.fromEntries(lines.map(({ file, error, decision }) => [file, error?.code ?? decision]))

/** A small photo with one good face. */
export async function smallFace(name: 'a' | 'c' | 'f'): Promise<Buffer> {
  return sharp(await sampleFace(name))
    .resize(200)
    .jpeg({ quality: 90 })
    .toBuffer()
}

/** `count` photos named 0000.jpg and so on in a new folder: links to three files. */
export async function manyPhotos(folder: string, count: number): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const sources: string[] = []
  for (const name of ['a', 'c', 'f'] as const) {
    const source = `${folder}-${name}.jpg`
    writeFileSync(source, await smallFace(name))
    sources.push(source)
  }
  for (let n = 0; n < count; n++)
    linkSync(sources[n % sources.length] as string, join(folder, `${String(n).padStart(4, '0')}.jpg`))
}
