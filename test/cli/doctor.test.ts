import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { nodeCheck } from '../../src/cli/check-system.ts'
import { examine } from '../../src/cli/doctor.ts'
import { CLI, jsonLines, runCli } from './run-cli.ts'

// Each run is a process that loads the networks; on a busy machine that takes seconds.
vi.setConfig({ testTimeout: 120_000 })

const root = mkdtempSync(join(tmpdir(), 'diffiqa-doctor-'))
afterAll(() => rmSync(root, { recursive: true }))

const status = (stdout: string) => Object.fromEntries(jsonLines(stdout).map((line) => [line.check, line.status]))

describe('doctor', () => {
  test('finds nothing wrong here, and times both scores', async () => {
    const { code, stdout, stderr } = await runCli(['doctor'])
    expect([code, stderr]).toEqual([0, ''])
    const lines = stdout.trimEnd().split('\n')
    expect(lines.every((line) => line.startsWith('ok '))).toBe(true)
    for (const word of ['node', 'platform', 'libvips', 'onnxruntime-node', 'manifest', 'regressor.onnx', 'worker'])
      expect(stdout).toContain(word)
    expect(lines.at(-1)).toMatch(/DifFIQA\(R\) \d+\.\d ms, full DifFIQA \d+\.\d ms/)
  })

  test('names a model that was changed, says what to do, and exits with 1', async () => {
    const models = join(root, 'changed')
    cpSync('models', models, { recursive: true, filter: (path) => !/training|cards/.test(path) })
    writeFileSync(join(models, 'denoiser.onnx'), 'x', { flag: 'a' })
    const { code, stdout } = await runCli(['doctor', '--json', '--models', models])
    expect(code).toBe(1)
    expect(status(stdout)).toMatchObject({
      'model detector': 'ok',
      'model denoiser': 'FAIL',
      'model regressor': 'ok',
      timing: 'skip',
    })
    expect(jsonLines(stdout).find(({ check }) => check === 'model denoiser')).toMatchObject({
      fact: expect.stringContaining('SHA-256'),
      remedy: expect.stringContaining('--models'),
    })
  })

  test('starts without the native modules, and names them; so do help and version', async () => {
    const bare = join(root, 'bare')
    cpSync(join(CLI, '..'), join(bare, 'dist'), { recursive: true })
    cpSync('package.json', join(bare, 'package.json'))
    symlinkSync(resolve('models'), join(bare, 'models'))
    const script = join(bare, 'dist/cli.js')
    const { code, stdout } = await runCli(['doctor', '--json'], { script })
    expect(code).toBe(1)
    expect(status(stdout)).toMatchObject({ node: 'ok', sharp: 'FAIL', 'onnxruntime-node': 'FAIL', manifest: 'ok' })
    for (const module of ['sharp', 'onnxruntime-node'])
      expect(jsonLines(stdout).find(({ check }) => check === module)?.fact).toContain(`Cannot load ${module}`)
    expect((await runCli(['--version'], { script })).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect((await runCli(['score', '--help'], { script })).code).toBe(0)
    const scored = await runCli(['score', 'x.jpg'], { script })
    expect([scored.code, scored.stdout]).toEqual([1, ''])
  })

  test.each([
    ['20.18.9', 'FAIL'],
    ['18.20.4', 'FAIL'],
    ['20.19.0', 'ok'],
    ['24.1.0', 'ok'],
  ])('Node %s: %s', async (version, expected) => {
    expect(await examine(nodeCheck(version))).toMatchObject({ status: expected })
  })
})

describe('the command without a command', () => {
  test.each([
    [['--help'], 0, /Commands:\n {2}score/],
    [['-h'], 0, /Commands:/],
    [['help'], 0, /Commands:/],
    [['help', 'score'], 0, /Usage: express-diffiqa score/],
    [['score', '-h'], 0, /--crops DIR/],
    [['doctor', '--help'], 0, /Usage: express-diffiqa doctor/],
  ])('%j shows help', async (args, code, text) => {
    const run = await runCli(args)
    expect([run.code, run.stderr]).toEqual([code, ''])
    expect(run.stdout).toMatch(text)
  })

  test.each([
    [[], /Usage/],
    [['scroe', 'a.jpg'], /unknown command scroe; did you mean score\?/],
    [['--hepl'], /unknown option --hepl/],
    [['doctor', 'me'], /takes no arguments/],
    [['doctor', '--jsn'], /did you mean --json\?/],
  ])('%j is wrong use', async (args, text) => {
    const run = await runCli(args)
    expect([run.code, run.stdout]).toEqual([1, ''])
    expect(run.stderr).toMatch(text)
  })
})
