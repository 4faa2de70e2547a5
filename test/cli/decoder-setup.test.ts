import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test, vi } from 'vitest'
import { makePhotos } from './photos.ts'
import { jsonLines, runCli } from './run-cli.ts'

vi.setConfig({ testTimeout: 120_000 })

const root = await makePhotos()
afterAll(() => rmSync(root, { recursive: true }))

// Loaded into every thread: tells each time that libvips is forbidden to load anything, and holds it so for a moment.
const watch = join(root, 'watch.mjs')
writeFileSync(
  watch,
  `import { writeSync } from 'node:fs'
   import { threadId } from 'node:worker_threads'
   import sharp from ${JSON.stringify(pathToFileURL(resolve('node_modules/sharp/dist/index.mjs')).href)}
   const { block } = sharp
   sharp.block = (what) => {
     block(what)
     writeSync(2, 'blocked in thread ' + threadId + '\\n')
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
   }`,
)

test('several threads set libvips up once, so that none makes the photos of another fail', async () => {
  const photos = Array.from({ length: 24 }, (_, i) => ['good/one-a.jpg', 'good/one-f.jpg'][i % 2] as string)
  const { code, stdout, stderr } = await runCli(['score', '--json', '--jobs', '3', ...photos], {
    cwd: root,
    execArgv: ['--import', pathToFileURL(watch).href],
  })
  expect(jsonLines(stdout).filter(({ error }) => error !== undefined)).toEqual([])
  expect(stderr).toMatch(/^blocked in thread \d+\n$/)
  expect(code).toBe(0)
})
