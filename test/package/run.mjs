/**
 * What a user gets: pack the package, install the tarball into an empty project the two ways the README names, then use it by
 * import, by require and bundled, without any network (in a network namespace of its own where the system allows one).
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'

const root = process.cwd()
const folder = mkdtempSync(join(tmpdir(), 'diffiqa-pack-'))
const run = (command, args, cwd, env = {}) =>
  execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 240_000,
    env: { ...process.env, ...env },
  })

let checks = 0
function check(what, ok) {
  if (!ok) throw new Error(`failed: ${what}`)
  checks++
  process.stdout.write(`ok  ${what}\n`)
}

/** `unshare -rn` takes the network away; some containers forbid it. */
function offline() {
  try {
    execFileSync('unshare', ['-rn', 'true'], { stdio: 'ignore' })
    return ['unshare', ['-rn']]
  } catch {
    process.stdout.write('no network namespaces here: running with the network in reach\n')
    return ['env', []]
  }
}

try {
  const tarball = join(
    folder,
    JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root))[0].filename,
  )
  const names = run('tar', ['-tzf', tarball], folder)
  check(
    'the tarball holds the built code, the models and the notices',
    [
      'package/dist/index.js',
      'package/dist/worker.js',
      'package/dist/console/app.js',
      'package/dist/console/console.css',
      'package/dist/console/index.html',
      'package/models/manifest.json',
      'package/models/regressor.onnx',
      'package/NOTICE',
      'package/LICENSE',
    ].every((name) => names.includes(name)),
  )
  check(
    'the tarball holds no photo, no source, no training data',
    // What export-models writes for a model server is Python, and meant to be here.
    !/\.(jpe?g|u8|pt|tsx?|py)$/m.test(
      names.replaceAll('.d.ts', '').replaceAll(/^package\/models\/serving\/.*\.py$/gm, ''),
    ),
  )

  const samples = join(
    dirname(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/dist/face-api.esm.js'))),
    'demo',
  )
  const photo = join(folder, 'one-f.jpg')
  await sharp(join(samples, 'sample6.jpg'))
    .extract({ left: 1390, top: 100, width: 500, height: 700 })
    .jpeg({ quality: 95 })
    .toFile(photo)

  const app = join(folder, 'app')
  const [wrapper, wrapperArgs] = offline()
  const node = (file) => run(wrapper, [...wrapperArgs, process.execPath, file, photo], app).trim()
  const program = (load) => `${load}
    async function main() {
      const gate = await createGate()
      const { verdict } = await gate.assess(require_fs.readFileSync(process.argv[2]))
      await gate.close()
      console.log(JSON.stringify({ decision: verdict.decision, value: verdict.score.value }))
    }
    main().catch((error) => { console.log(error.code + ': ' + error.message); process.exitCode = 1 })`
  const esm = program("import { createGate } from 'express-diffiqa'\nimport * as require_fs from 'node:fs'")
  const cjs = program("const { createGate } = require('express-diffiqa')\nconst require_fs = require('node:fs')")

  for (const [way, args, env] of [
    ['ONNXRUNTIME_NODE_INSTALL=skip', [], { ONNXRUNTIME_NODE_INSTALL: 'skip' }],
    ['--ignore-scripts', ['--ignore-scripts'], {}],
  ]) {
    rmSync(app, { recursive: true, force: true })
    execFileSync('mkdir', [app])
    writeFileSync(join(app, 'package.json'), '{"private":true}')
    run('npm', ['install', '--no-audit', '--prefer-offline', ...args, tarball, 'express@5'], app, env)
    writeFileSync(join(app, 'app.mjs'), esm)
    const first = JSON.parse(node('app.mjs'))
    check(`installed with ${way}, scores without a network: ${first.decision}`, first.value > 0 && first.value <= 1)
    if (way === '--ignore-scripts') continue

    writeFileSync(join(app, 'app.cjs'), cjs)
    check('require() gives the same score as import', JSON.parse(node('app.cjs')).value === first.value)

    const esbuild = join(root, 'node_modules', '.bin', 'esbuild')
    for (const format of ['esm', 'cjs']) {
      const out = `external.${format === 'esm' ? 'mjs' : 'cjs'}`
      run(
        esbuild,
        [
          'app.mjs',
          '--bundle',
          '--platform=node',
          `--format=${format}`,
          '--packages=external',
          `--outfile=${out}`,
          '--log-level=error',
        ],
        app,
      )
      check(`bundled as ${format} with external packages`, JSON.parse(node(out)).value === first.value)
    }
    const begun = Date.now()
    let answer = ''
    try {
      run(
        esbuild,
        [
          'app.mjs',
          '--bundle',
          '--platform=node',
          '--format=esm',
          '--external:sharp',
          '--external:onnxruntime-node',
          '--outfile=full.mjs',
          '--log-level=error',
          "--banner:js=import{createRequire as r}from'node:module';const require=r(import.meta.url);",
        ],
        app,
      )
      answer = node('full.mjs')
    } catch (error) {
      answer = String(error.stdout ?? error)
    }
    check(
      'bundled whole: it works, or says within seconds which file is missing and what to set',
      answer.includes('"value"') ||
        (/(worker-file-missing|model-missing)/.test(answer) && /external|out of the bundle/.test(answer)),
    )
    check('and does not hang', Date.now() - begun < 20_000)
  }
  const size = readFileSync(tarball).length / 1e6
  check(`the tarball is under 60 MB (${size.toFixed(1)} MB)`, size < 60)
  process.stdout.write(`package: ${checks} passed, 0 failed\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
