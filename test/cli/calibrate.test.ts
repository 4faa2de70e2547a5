import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { guard } from '../../src/adapters/guard.ts'
import { onnxMatcher } from '../../src/adapters/onnx.ts'
import type { Calibration } from '../../src/gate/calibration.ts'
import { createGate } from '../../src/gate/create-gate.ts'
import { testGate } from '../fixtures/gate.ts'
import { sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'
import { CLI, runCli } from './run-cli.ts'

// Each run is a process that loads the networks and looks at a hundred faces.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

const root = mkdtempSync(join(tmpdir(), 'diffiqa-calibrate-'))
afterAll(() => rmSync(root, { recursive: true }))

const calibrate = (...args: string[]) => runCli(['calibrate', ...args], { cwd: root })
const put = (path: string, bytes: Uint8Array | string): void => {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), bytes)
}

/** Other captures of one face, as far as one photo gives them. */
const CAPTURES: readonly ((face: Sharp) => Sharp)[] = [
  (face) => face,
  (face) => face.modulate({ brightness: 0.8 }),
  (face) => face.flop(),
  (face) => face.resize({ width: 160 }),
  (face) => face.blur(8),
]

/** Every face of the sample photos is somebody. */
beforeAll(async () => {
  const gate = await testGate()
  try {
    for (const number of [1, 2, 3, 4, 5, 6] as const) {
      const photo = samplePhoto(number)
      const { width, height } = await sharp(photo).metadata()
      const { faces } = await gate.assess(photo, { faces: 'all' })
      for (const [index, { box }] of faces.entries()) {
        const [left, top] = [Math.max(0, box.x - box.width * 0.3), Math.max(0, box.y - box.height * 0.3)].map(
          Math.round,
        )
        const region = {
          left: left as number,
          top: top as number,
          width: Math.min(width - (left as number), Math.round(box.width * 1.6)),
          height: Math.min(height - (top as number), Math.round(box.height * 1.6)),
        }
        for (const [i, capture] of CAPTURES.entries()) {
          const face = sharp(await sharp(photo).extract(region).png().toBuffer())
          put(`people/${number}-${index}/${i}.jpg`, await capture(face).jpeg({ quality: 95 }).toBuffer())
        }
      }
    }
  } finally {
    await gate.close()
  }
})

describe('calibrate', () => {
  test('writes a file that a gate and its matcher go by', async () => {
    const { code, stdout, stderr } = await calibrate('people', '--fmr', '0.01', '--out', 'own.json')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('written to           own.json')
    const written = JSON.parse(readFileSync(join(root, 'own.json'), 'utf8')) as Calibration
    expect(written).toMatchObject({
      format: 'express-diffiqa-calibration',
      quality: 'general',
      matcher: { name: 'onnx' },
    })
    expect(written.matcher.impostorMean).toBeLessThan(written.matcher.threshold)
    expect(written.fitted.falseMatchRate).toBeCloseTo(0.01, 2)
    expect(JSON.stringify(written)).not.toMatch(/people\/|\.jpg|"\d-\d/)

    const gate = await createGate({ workers: 1, calibration: join(root, 'own.json') })
    const matcher = await onnxMatcher({})
    try {
      const { probe } = written.scoring.thresholds.balanced
      expect(gate.thresholds.probe).toEqual(probe)
      const guarded = guard(matcher, gate)
      await guarded.enrol('c', await sampleFace('c'))
      const { candidates } = await guarded.identify(await sampleFace('c'))
      expect(candidates[0]).toMatchObject({ subject: 'c', match: true })
    } finally {
      await matcher[Symbol.asyncDispose]()
      await gate.close()
    }
  })

  test("quality 'matcher': the matcher's network takes the place of E, in the file and in the gate", async () => {
    const options = ['--fmr', '0.01', '--quality', 'matcher', '--out', 'matcher.json']
    const { code, stderr } = await calibrate('people', ...options)
    expect([code, stderr]).toEqual([0, ''])
    const calibration = JSON.parse(readFileSync(join(root, 'matcher.json'), 'utf8')) as Calibration
    expect(calibration.quality).toBe('matcher')
    const { tuned, cascade } = calibration.scoring
    expect(tuned.terms.every(({ weight }) => weight >= 0)).toBe(true)
    expect(cascade.combination.regressor + cascade.combination.full).toBeCloseTo(1, 4)

    await using matcher = await onnxMatcher({})
    const embed = vi.spyOn(matcher, 'embed')
    expect(calibration.matcher.modelId).toBe(matcher.modelId)
    await using gate = await createGate({ workers: 1, deadlineMs: 60_000, quality: 'matcher', matcher, calibration })
    const { verdict } = await gate.assess(await sampleFace('c'), { full: true })
    expect(verdict).toMatchObject({ full: { method: 'diffiqa' }, score: { method: 'combined' } })
    expect(embed).toHaveBeenCalledTimes(1)
    const bad = await sharp(await sampleFace('c'))
      .blur(12)
      .jpeg()
      .toBuffer()
    const worse = (await gate.assess(bad, { full: true })).verdict
    expect(worse.full?.value).toBeLessThan(verdict.full?.value as number)

    await using other = await onnxMatcher({})
    await expect(
      createGate({ workers: 1, quality: 'matcher', calibration, matcher: { ...other, name: 'another' } }),
    ).rejects.toMatchObject({ code: 'calibration-mismatch' })
  })

  test('a matcher in JavaScript is given what guard() would give it, and its own threshold stays', async () => {
    put(
      'bright.mjs',
      `import sharp from ${JSON.stringify(createRequire(import.meta.url).resolve('sharp'))}
       const rows = async (jpeg) => Float32Array.from(await sharp(jpeg).greyscale().resize(12, 16, { fit: 'fill' }).raw().toBuffer())
       const centred = (v) => { const mean = v.reduce((a, b) => a + b, 0) / v.length; return v.map((x) => x - mean) }
       export default () => ({
         name: 'bright',
         scale: { direction: 'similarity', min: -1, max: 1, impostorMean: 0, defaultThreshold: 0.9 },
         identify: async () => [],
         embeddings: {
           async describe(probe) {
             const jpeg = await probe.jpeg()
             const { width, height } = await sharp(jpeg).metadata()
             const { width: w, height: h } = probe.face.box
             // The face with room around it, never the whole photo.
             if (width > Math.ceil(2 * w) + 2 || height > Math.ceil(2 * h) + 2) throw new Error('not the face: ' + [width, height, w, h])
             if (!(probe.aligned.pixels.length === 37632 && probe.photo.length > 0)) throw new Error('no crop')
             return centred(await rows(jpeg))
           },
           compare(a, b) {
             const dot = (x, y) => x.reduce((sum, v, i) => sum + v * y[i], 0)
             return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
           },
           search: async () => [],
         },
       })`,
    )
    const { code, stderr } = await calibrate(
      'people',
      '--copies',
      '0',
      '--matcher',
      'bright.mjs',
      '--out',
      'bright.json',
    )
    expect([code, stderr]).toEqual([0, ''])
    const { matcher, quality } = JSON.parse(readFileSync(join(root, 'bright.json'), 'utf8')) as Calibration
    expect(matcher).toMatchObject({ name: 'bright', threshold: 0.9, direction: 'similarity' })
    expect(quality).toBe('general')
    expect(await calibrate('people', '--matcher', 'bright.mjs', '--quality', 'matcher')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has no embed()'),
    })
  })

  test('a photo that cannot be read ends it, and is named', async () => {
    for (const name of ['a', 'b'] as const) put(`broken/${name}/1.jpg`, await sampleFace(name))
    put('broken/b/2.jpg', (await sampleFace('b')).subarray(0, 5000))
    const { code, stderr } = await calibrate('broken', '--out', 'broken.json')
    expect(code).toBe(1)
    expect(stderr).toContain('b/2.jpg: unreadable-image')
    expect(existsSync(join(root, 'broken.json'))).toBe(false)
  })

  test('Ctrl-C ends it and leaves no file', async () => {
    const child = spawn(process.execPath, [CLI, 'calibrate', 'people', '-o', 'never.json'], { cwd: root })
    setTimeout(() => child.kill('SIGINT'), 4000)
    const [code] = await once(child, 'exit')
    expect(code).toBe(130)
    expect(existsSync(join(root, 'never.json'))).toBe(false)
  })

  test('too few people are refused, and nothing is written', async () => {
    for (const name of ['a', 'b'] as const) for (const i of [1, 2]) put(`few/${name}/${i}.jpg`, await sampleFace(name))
    const { code, stderr } = await calibrate('few', '--out', 'few.json')
    expect(code).toBe(1)
    expect(stderr).toContain('Too little to calibrate on')
    expect(existsSync(join(root, 'few.json'))).toBe(false)
  })

  test.each([
    ['no folder', [], 'name the folder of the people'],
    ['a folder without people', ['empty'], 'no photos in empty'],
    ['a network and a matcher', ['people', '--model', 'x', '--matcher', 'y'], 'not both'],
    ['a rate of 1', ['people', '--fmr', '1'], 'between 0 and 1'],
    ['half a copy', ['people', '--copies', '0.5'], 'whole number from 0 to 5'],
    ['a matcher that keeps its embeddings', ['people', '--matcher', 'closed.mjs'], 'has no `embeddings`'],
    ['a place that is a folder', ['people', '--out', 'people'], 'is a folder'],
    ['a place that is not there', ['people', '--out', 'nowhere/own.json'], 'cannot be written'],
    ['a module that is not there', ['people', '--matcher', 'none.mjs'], 'cannot be loaded'],
  ])('%s is wrong use', async (_, args, message) => {
    put('empty/readme.txt', 'nobody')
    put(
      'closed.mjs',
      `export default { name: 'closed', scale: { direction: 'similarity', min: 0, max: 1, impostorMean: 0, defaultThreshold: 0.5 }, identify: async () => [] }`,
    )
    const { code, stderr } = await calibrate(...args)
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
  })
})
