import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { program } from './program.ts'

/** examples/console as a user starts it, in a process of its own. */
export class ConsoleServer {
  readonly url: string
  readonly #child: ChildProcess
  readonly #output: () => string

  private constructor(url: string, child: ChildProcess, output: () => string) {
    this.url = url
    this.#child = child
    this.#output = output
  }

  static async open(): Promise<ConsoleServer> {
    const child = spawn(process.execPath, ['examples/console/server.js'], { env: { ...process.env, PORT: '0' } })
    let output = ''
    const url = await new Promise<string>((found, failed) => {
      child.once('exit', (code) => failed(new Error(`The server ended with ${code}: ${output}`)))
      const read = (chunk: Buffer): void => {
        output += chunk
        const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? []
        if (address) found(address)
      }
      child.stdout?.on('data', read)
      child.stderr?.on('data', read)
    })
    return new ConsoleServer(url, child, () => output)
  }

  /** Everything that the process has written. */
  get output(): string {
    return this.#output()
  }

  async close(): Promise<void> {
    this.#child.removeAllListeners('exit')
    if (this.#child.exitCode !== null) return
    this.#child.kill()
    await once(this.#child, 'exit')
  }
}

/** Debian's Chromium; everything that a page of it asks for stays on this machine. */
export function openBrowser(flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: program('chromium', 'chromium'), args: ['--no-sandbox', ...flags] })
}

export interface ConsolePage {
  readonly page: Page
  /** What the browser's console was told of as an error, and what was thrown on the page. */
  readonly errors: string[]
  /** Addresses that the page asked for. */
  readonly requests: string[]
}

/** A page of its own, with nothing of another page's. */
export async function openConsole(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<ConsolePage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  const page = await context.newPage()
  const errors: string[] = []
  const requests: string[] = []
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  page.on('pageerror', ({ message }) => errors.push(message))
  page.on('request', (request) => requests.push(request.url()))
  await page.goto(`${url}/console/`)
  await page.getByText('policy balanced').waitFor()
  return { page, errors, requests }
}

export interface Upload {
  readonly name: string
  readonly buffer: Buffer
}

/** Choose photos and wait until each is judged or refused. */
export async function upload(page: Page, ...files: readonly Upload[]): Promise<void> {
  await page.setInputFiles(
    'input[type=file]',
    files.map(({ name, buffer }) => ({ name, buffer, mimeType: 'image/jpeg' })),
  )
  for (const { name } of files) await page.getByRole('button', { name }).first().waitFor()
  await page.locator('.batch .is-working').first().waitFor({ state: 'detached' })
}
