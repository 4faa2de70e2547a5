import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadManifest } from '../../src/inference/manifest-file.ts'
import { REMOTE_MODEL_NAMES } from '../../src/inference/remote/remote-models.ts'
import { runCli } from './run-cli.ts'

let home: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'diffiqa-export-'))
})
afterAll(() => rmSync(home, { recursive: true }))

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()

describe('express-diffiqa export-models', () => {
  test.each([
    ['triton', ['1/model.onnx', 'config.pbtxt'], []],
    ['mlserver', ['diffiqa_runtime.py', 'model-settings.json', 'model.onnx'], ['requirements.txt', 'settings.json']],
    ['kserve', ['model.onnx'], ['Dockerfile', 'inference-service.yaml', 'requirements.txt', 'serve.py']],
  ])('writes what %s loads, and lists it', async (server, each, once) => {
    const out = join(home, server, 'models')
    const { code, stdout, stderr } = await runCli(['export-models', '--server', server, '--out', out])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const names = ['diffiqa-denoiser', 'diffiqa-embedder', 'diffiqa-regressor']
    const expected = [...names.flatMap((name) => each.map((file) => `${name}/${file}`)), ...once].sort()
    expect(filesOf(out)).toEqual(expected)
    expect(stdout.trim().split('\n').sort()).toEqual(expected.map((file) => join(out, file)))
    const { models } = await loadManifest()
    for (const name of REMOTE_MODEL_NAMES) {
      const file = filesOf(out).find((path) => path.startsWith(`diffiqa-${name}/`) && path.endsWith('.onnx')) as string
      expect(
        createHash('sha256')
          .update(readFileSync(join(out, file)))
          .digest('hex'),
      ).toBe(models[name].sha256)
    }
    const again = await runCli(['export-models', '--server', server, '--out', out])
    expect(again).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('is not empty') })
  })

  test('writes nothing when a network is not the one of the manifest', async () => {
    const models = join(home, 'damaged')
    mkdirSync(models)
    cpSync('models/manifest.json', join(models, 'manifest.json'))
    for (const name of REMOTE_MODEL_NAMES) writeFileSync(join(models, `${name}.onnx`), 'no network')
    const out = join(home, 'never')
    const { code, stderr } = await runCli(['export-models', '--server', 'triton', '--out', out, '--models', models])
    expect(code).toBe(1)
    expect(stderr).toContain('model-integrity')
    expect(readdirSync(home)).not.toContain('never')
  })

  test.each([
    [[], '--server triton, kserve or mlserver'],
    [['--server', 'triton'], 'needs --out DIR'],
    [['--server', 'tritn', '--out', 'x'], 'did you mean triton'],
    [['--server', 'triton', '--out', 'x', 'y'], 'takes no arguments'],
  ])('says what is wrong with %j', async (args, message) => {
    const { code, stderr } = await runCli(['export-models', ...args])
    expect(code).toBe(1)
    expect(stderr).toContain(message)
  })

  test('has a help', async () => {
    const { code, stdout } = await runCli(['export-models', '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('--server NAME')
  })
})
