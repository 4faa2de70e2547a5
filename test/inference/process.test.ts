import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { builtSources } from './fixtures/built-sources.ts'
import { manifestFor, modelsFolder, tinyModels } from './fixtures/models-folder.ts'

const built = builtSources().href
const fixtures = new URL('./fixtures/', import.meta.url)

/** Runs a module in a process of its own, with a backend of one worker in `backend`. */
async function inNode(body: string, load = 'ok', workerFile = 'worker.mjs', workerData: object = {}) {
  const script = `
    const { createPiscinaBackend } = await import('${built}piscina-backend.js')
    const backend = createPiscinaBackend({
      workerUrl: new URL('${new URL(workerFile, fixtures)}'),
      workerData: ${JSON.stringify({ serveTasks: `${built}serve-tasks.js`, load, ...workerData })},
      workers: 1, maxQueue: 4, watchdogMs: 60_000,
    })
    const run = (name, input) => backend.run({ name, input }, { kind: 'fast', deadline: performance.now() + 60_000 })
    ${body}`
  const start = performance.now()
  const args = ['--input-type=module', '--eval', script]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 })
  return { stdout, stderr, ms: performance.now() - start }
}

test('the main thread loads neither onnxruntime nor sharp', async () => {
  const { stdout } = await inNode(`
    await Promise.all([import('${built}in-process-backend.js'), import('${built}model-store.js')])
    await run('echo', 1)
    const { sharedObjects } = process.report.getReport()
    console.log(JSON.stringify(sharedObjects.filter((path) => /onnxruntime|vips|sharp/.test(path))))
    await backend.close()`)
  expect(JSON.parse(stdout)).toEqual([])
})

test('importing the module is quick: Piscina comes with the first worker only', async () => {
  const { stdout } = await inNode(`
    import { createRequire } from 'node:module'
    const before = Object.keys(createRequire('${built}').cache).some((path) => path.includes('piscina'))
    await backend.whenReady()
    const after = Object.keys(createRequire('${built}').cache).some((path) => path.includes('piscina'))
    console.log(JSON.stringify([before, after]))
    await backend.close()`)
  expect(JSON.parse(stdout)).toEqual([false, true])
})

test('a process that only waits for ready, or for an answer, is kept alive until it has it', async () => {
  const { stdout } = await inNode(`await backend.whenReady(); console.log((await run('sleep', 50)).value)`, 'slow')
  expect(stdout).toBe('slept\n')
})

test('an idle backend does not keep the process alive, closed or not', async () => {
  const { stdout, ms } = await inNode(`await backend.whenReady(); console.log('idle')`)
  expect(stdout).toBe('idle\n')
  expect(ms).toBeLessThan(5000)
  const closed = await inNode(`await backend.whenReady(); await backend.close(); console.log('closed')`)
  expect(closed.stdout).toBe('closed\n')
  expect(closed.ms).toBeLessThan(5000)
})

test('close() without a wait ends a process whose worker hangs', async () => {
  const { stdout, stderr, ms } = await inNode(`
    await backend.whenReady()
    const hung = run('hang').catch((error) => console.log(error.code))
    await backend.close({ timeoutMs: 50 })
    await hung`)
  expect([stdout, stderr]).toEqual(['shutting-down\n', ''])
  expect(ms).toBeLessThan(5000)
})

test('process.exit() while a network runs ends the process with its own code, not by abort', async () => {
  const models = { ...tinyModels(), detector: readFileSync('models/detector.onnx') }
  const modelsDir = modelsFolder({ models, manifest: manifestFor(models) })
  const exits = inNode(
    `await backend.whenReady()
    run('detect-for-ever', new Float32Array(1))
    setTimeout(() => process.exit(5), 60)`,
    'ok',
    'model-worker.mjs',
    { built, modelsDir },
  )
  await expect(exits).rejects.toMatchObject({ code: 5, signal: null, stderr: '' })
})
