import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { modelsDir } from '../../src/inference/models-dir.ts'
import { builtSources } from './fixtures/built-sources.ts'
import { temporaryFolder } from './fixtures/temporary-folder.ts'

/** Asks a copy of the module at `place`, as the builder or a bundler would leave it. */
function askAt(place: string, folder: string): string {
  mkdirSync(join(folder, place), { recursive: true })
  const source = fileURLToPath(new URL('models-dir.js', builtSources()))
  copyFileSync(source, join(folder, place, 'models-dir.js'))
  cpSync(join(source, '../../errors.js'), join(folder, place, '../errors.js'))
  cpSync(join(source, '../../package.json'), join(folder, 'package.json'))
  const script = `
    const { modelsDir } = await import('./${place}/models-dir.js')
    try { console.log(modelsDir().href) } catch ({ code, message }) { console.log(code, message) }`
  return String(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: folder })).trim()
}

test('is found from the sources', () => {
  expect(modelsDir().href).toBe(new URL('../../models/', import.meta.url).href)
})

test('is found from the built package, whatever lies beside the package', () => {
  const folder = realpathSync(temporaryFolder())
  for (const place of ['models', 'express-diffiqa/models']) {
    mkdirSync(join(folder, place), { recursive: true })
    writeFileSync(join(folder, place, 'manifest.json'), '{}')
  }
  const found = pathToFileURL(join(folder, 'express-diffiqa/models')).href
  expect(askAt('express-diffiqa/dist', folder)).toBe(`${found}/`)
})

test('is missing after bundling, and the message says what to do', () => {
  expect(askAt('bundle/server', temporaryFolder())).toMatch(/^model-missing .*option modelsDir/)
})
