import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { makePhotos } from './photos.ts'
import { runCli } from './run-cli.ts'

// Each run is a process that loads the networks; on a busy machine that takes seconds.
vi.setConfig({ testTimeout: 120_000 })

const root = await makePhotos()
afterAll(() => rmSync(root, { recursive: true }))

// Of its own accord onnxruntime is silent where one of these is set, so a test machine would prove nothing.
const SILENT = ['CI', 'GITHUB_ACTIONS', 'TF_BUILD', 'ORT_RUNNING_UNIT_TESTS', 'ORT_DISABLE_TELEMETRY', 'XDG_CACHE_HOME']
const NOWHERE = 'http://127.0.0.1:9'
const ELSEWHERE = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !SILENT.includes(name))),
  // Where telemetry does start, its reports go through this proxy, which is none: a test tells nobody anything.
  https_proxy: NOWHERE,
  HTTPS_PROXY: NOWHERE,
}

/** What a command leaves in the home directory of somebody who never ran it. */
async function leftBehind(args: string[], more: NodeJS.ProcessEnv = {}): Promise<{ stdout: string; files: string[] }> {
  const home = mkdtempSync(join(root, 'home-'))
  const { code, stdout, stderr } = await runCli(args, { cwd: root, env: { ...ELSEWHERE, HOME: home, ...more } })
  expect([code, stderr]).toEqual([0, ''])
  return { stdout, files: readdirSync(home, { recursive: true, encoding: 'utf8' }) }
}

test.each(['1', '2'])("score --jobs %s: onnxruntime's telemetry never starts", async (jobs) => {
  const { files } = await leftBehind(['score', '--json', '--jobs', jobs, 'good/one-a.jpg', 'good/one-f.jpg'])
  expect(files).toEqual([])
})

test.each([undefined, 'true', 'YES'])('ORT_DISABLE_TELEMETRY=%s: doctor tells that it is off', async (value) => {
  const { stdout, files } = await leftBehind(['doctor'], value === undefined ? {} : { ORT_DISABLE_TELEMETRY: value })
  expect(stdout).toMatch(/onnxruntime-node +[\d.]+, its telemetry is off/)
  expect(files).toEqual([])
})

// Were this not so, the tests above could not fail; and doctor must not say "off" for a word that onnxruntime does not know.
test.each(['0', 'no', 'off'])('ORT_DISABLE_TELEMETRY=%s leaves it on, and doctor tells so', async (value) => {
  const { stdout, files } = await leftBehind(['doctor'], { ORT_DISABLE_TELEMETRY: value })
  expect(stdout).toMatch(/onnxruntime-node +[\d.]+, its telemetry is on/)
  expect(files.some((file) => file.endsWith('deviceid'))).toBe(true)
})

test('a command line of more than 30 kB does not end the process', async () => {
  const many = Array.from({ length: 2500 }, () => 'good/one-a.jpg')
  const home = mkdtempSync(join(root, 'home-'))
  const { code, stdout } = await runCli(['score', '--json', '--jobs', '1', ...many], {
    cwd: root,
    env: { ...ELSEWHERE, HOME: home },
    onOutput: (_text, child) => child.kill('SIGTERM'),
  })
  expect(code).toBe(143)
  expect(stdout).toMatch(/^\{"file":"good\/one-a\.jpg"/)
})
