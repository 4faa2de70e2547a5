import { execFileSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { nativeModuleMissing } from '../../src/inference/native-module.ts'
import { createPiscinaBackend } from '../../src/inference/piscina-backend.ts'
import { builtSources } from './fixtures/built-sources.ts'
import { temporaryFolder } from './fixtures/temporary-folder.ts'

const withCode = (message: string, code: string) => Object.assign(new Error(message), { code })

describe('the error of a module that cannot be loaded is recognised', () => {
  test.each([
    [
      'a package that is not installed',
      withCode("Cannot find package 'onnxruntime-node' imported from /app/worker.js", 'ERR_MODULE_NOT_FOUND'),
      'onnxruntime-node',
    ],
    [
      'a platform without a build',
      withCode(
        "Cannot find module '../bin/napi-v6/aix/ppc64/onnxruntime_binding.node'\nRequire stack:\n- /app/node_modules/onnxruntime-node/dist/binding.js",
        'MODULE_NOT_FOUND',
      ),
      'onnxruntime-node',
    ],
    [
      'a shared library of another C library',
      withCode('ld-linux: /app/node_modules/onnxruntime-node/bin/napi-v6/libonnxruntime.so.1', 'ERR_DLOPEN_FAILED'),
      'onnxruntime-node',
    ],
    ['sharp of another platform', new Error('Could not load the "sharp" module using the linux-x64 runtime'), 'sharp'],
    ['one below another', new Error('start', { cause: new Error('Could not load the "sharp" module') }), 'sharp'],
  ])('%s', (_, error, module) => {
    expect(nativeModuleMissing(error)).toMatchObject({
      code: 'native-module-missing',
      details: { module },
      cause: error,
      message: expect.stringContaining(`Cannot load ${module}`),
    })
  })

  test('and no other error is', () => {
    const own = withCode("Cannot find module './frame.js' imported from /app/worker.js", 'ERR_MODULE_NOT_FOUND')
    for (const error of [own, new Error('sharp edges'), 'onnxruntime-node', undefined]) {
      expect(nativeModuleMissing(error)).toBeUndefined()
    }
  })
})

test('without onnxruntime-node the hint names the ways to install it', () => {
  // Outside of the repository nothing is found by a bare name.
  const folder = temporaryFolder()
  cpSync(join(fileURLToPath(builtSources()), '..'), folder, { recursive: true })
  const script = `
    const { createOnnxModel } = await import('./inference/onnx-model.js')
    await createOnnxModel(new Uint8Array(), 'detector', 1).catch(({ code, message }) => console.log(code, message))`
  const answer = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: folder })
  expect(String(answer)).toMatch(/^native-module-missing .*ONNXRUNTIME_NODE_INSTALL=skip.*allowScripts/)
})

test.each([
  ['sharp-missing.mjs', { code: 'native-module-missing', details: { module: 'sharp' } }],
  [
    'import-missing.mjs',
    {
      code: 'worker-crashed',
      details: { reason: 'crash' },
      cause: expect.objectContaining({ code: 'ERR_MODULE_NOT_FOUND' }),
    },
  ],
])('a worker file that cannot be loaded (%s) says why within 3 s', async (file, expected) => {
  const workerUrl = new URL(`./fixtures/${file}`, import.meta.url)
  const start = performance.now()
  const backend = createPiscinaBackend({ workerUrl, workers: 2, maxQueue: 1, watchdogMs: 1000 })
  await expect(backend.whenReady()).rejects.toMatchObject(expected)
  expect(performance.now() - start).toBeLessThan(3000)
  await backend.close()
})
