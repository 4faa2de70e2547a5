import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The complete snippets of a page of docs/adapters, in order. */
export function snippetsOf(page: string): string[] {
  const text = readFileSync(join('docs', 'adapters', `${page}.md`), 'utf8')
  return [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code as string)
}

export interface RunningRecipe extends AsyncDisposable {
  readonly url: string
  send(path: string, photo: Uint8Array, method?: string): Promise<{ status: number; body: unknown }>
}

/**
 * Run a recipe as a user would, against the built package, with addresses changed as `change` says. It may listen on any port, and tells it.
 */
export async function runRecipe(
  page: string,
  { change = (code) => code, env = {} }: { change?: (code: string) => string; env?: Record<string, string> },
): Promise<RunningRecipe> {
  const [snippet = ''] = snippetsOf(page)
  const listens = snippet.replace(
    'app.listen(3000)',
    "const server = app.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port))",
  )
  if (listens === snippet) throw new Error(`docs/adapters/${page}.md does not listen`)
  // Inside the package, so that its own name and its dependencies are found.
  const file = join('test', 'docs', `.${page}-${process.pid}.mjs`)
  writeFileSync(file, change(listens))
  const child = spawn(process.execPath, [file], { env: { ...process.env, ...env } })
  const stop = async (): Promise<void> => {
    rmSync(file, { force: true })
    if (child.exitCode !== null) return
    child.kill()
    await once(child, 'exit')
  }
  try {
    const url = await address(child)
    return {
      url,
      async send(path, photo, method = 'POST') {
        const headers = { 'content-type': 'image/jpeg' }
        const response = await fetch(`${url}${path}`, { method, headers, body: Buffer.from(photo) })
        return { status: response.status, body: await response.json() }
      },
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function address(child: ChildProcess): Promise<string> {
  let output = ''
  return new Promise((found, failed) => {
    child.once('exit', (code) => failed(new Error(`The recipe ended with ${code}: ${output}`)))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.stdout?.on('data', (chunk) => {
      output += chunk
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? []
      if (url) found(url)
    })
  })
}
