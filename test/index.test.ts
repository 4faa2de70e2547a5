import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import * as api from '../src/index.ts'

test('the public API, by name', () => {
  expect(Object.keys(api).sort()).toEqual([
    'DiffiqaError',
    'ERROR_CODES',
    'adjustScore',
    'createGate',
    'fromHuman',
    'isDiffiqaError',
    'openInference',
    'pairQuality',
    'poolEmbeddings',
    'reliability',
  ])
})

test('importing it loads neither native modules nor the worker pool', () => {
  // The hook prints the address of every module that is loaded.
  const hook = `data:text/javascript,${encodeURIComponent(
    'export async function load(url, context, next) { process._rawDebug(url); return next(url, context) }',
  )}`
  const script = `
    import { register } from 'node:module'
    register(${JSON.stringify(hook)})
    await import(${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)})
    console.log(JSON.stringify(process.report.getReport().sharedObjects))
  `
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  expect(status, stderr).toBe(0)
  expect(stderr).toContain('dist/index.js')
  expect(stderr).not.toMatch(/node_modules.(sharp|onnxruntime|piscina|express|prom-client)/)
  expect(JSON.parse(stdout).filter((file: string) => /sharp|vips|onnx/.test(file))).toEqual([])
})
