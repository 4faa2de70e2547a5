import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGate } from '../../src/gate/create-gate.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { modelsDir } from '../../src/inference/models-dir.ts'
import { SAMPLE_FACES, sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'

let gate: Gate
beforeAll(async () => {
  gate = await createGate({ inference: 'in-process', deadlineMs: 60_000 })
})
afterAll(() => gate.close())

const plain = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: '#456' } })

describe('real networks', () => {
  test.each(SAMPLE_FACES)('fixture %s: one face, a finite score of the fast method', async (name) => {
    const { verdict, verdicts, faces, aligned, photo } = await gate.assess(await sampleFace(name), { crops: true })
    expect(verdicts).toEqual([verdict])
    expect(faces).toEqual([verdict.face])
    expect(aligned[0]?.pixels).toHaveLength(112 * 112 * 3)
    expect(photo).toMatchObject({ format: 'jpeg' })
    for (const score of [verdict.fast, verdict.score]) {
      expect(score?.value).toBeGreaterThanOrEqual(0)
      expect(score?.value).toBeLessThanOrEqual(1)
      expect(score?.sigma).toBeGreaterThanOrEqual(0)
      expect(score?.modelVersion).toBe(gate.manifest.modelVersion)
    }
    const { rejectBelow, acceptFrom } = gate.thresholds.probe
    const value = verdict.score?.value as number
    const decision = value < rejectBelow ? 'reject' : value < acceptFrom ? 'down-weight' : 'accept'
    expect(verdict).toMatchObject({ decision, thresholds: { rejectBelow, acceptFrom } })
    expect(verdict.reasons.length > 0).toBe(decision !== 'accept')
  })

  test('the same photo twice: the same verdict to the last bit, with the full score too', async () => {
    const scores = async () => {
      const { verdict } = await gate.assess(await sampleFace('c'), { full: true })
      return [verdict.decision, verdict.fast, verdict.full, verdict.score, verdict.measures]
    }
    const first = await scores()
    expect(first[2]).toBeDefined()
    expect(await scores()).toEqual(first)
  })

  test('faces found by the caller give the score that detection gives', async () => {
    const bytes = await sampleFace('c')
    const { verdict, faces } = await gate.assess(bytes)
    const given = await gate.assess(bytes, { detected: faces })
    expect(given.verdict.fast).toEqual(verdict.fast)
    expect(given.verdict.timings.detectMs).toBe(0)
  })

  test('several faces: refused, the largest, or all of them', async () => {
    await expect(gate.assess(samplePhoto(5))).rejects.toMatchObject({
      code: 'several-faces',
      status: 422,
      details: { faces: expect.any(Number), reasons: [{ code: 'several_faces' }] },
    })
    const all = await gate.assess(samplePhoto(5), { faces: 'all' })
    expect(all.verdicts.length).toBeGreaterThanOrEqual(4)
    const largest = await gate.assess(samplePhoto(5), { faces: 'largest' })
    expect(largest.verdicts).toHaveLength(1)
    expect(largest.verdict.face).toEqual(all.verdict.face)
    const areas = all.verdicts.map(({ face }) => (face ? face.box.width * face.box.height : 0))
    expect(areas).toEqual(areas.toSorted((a, b) => b - a))
  })

  test.each<[string, () => Promise<Uint8Array> | Uint8Array, string, number]>([
    ['no face', () => plain(400, 300).jpeg().toBuffer(), 'no-face', 422],
    ['one pixel', () => plain(1, 1).png().toBuffer(), 'no-face', 422],
    ['text named .jpg', () => Buffer.from('this is no picture, whatever its name'), 'unsupported-media-type', 415],
    ['a GIF', () => plain(50, 50).gif().toBuffer(), 'unsupported-media-type', 415],
    ['a cut-off JPEG', async () => (await sampleFace('a')).subarray(0, 9000), 'unreadable-image', 422],
    ['no bytes', () => new Uint8Array(0), 'empty-body', 400],
  ])('%s: %s', async (_, photo, code, status) => {
    await expect(gate.assess(await photo())).rejects.toMatchObject({ name: 'DiffiqaError', code, status })
    expect((await gate.assess(await sampleFace('c'))).verdict.score).toBeDefined()
  })

  test('too many pixels for this call', async () => {
    const photo = await sampleFace('c')
    await expect(gate.assess(photo, { maxPixels: 1000 })).rejects.toMatchObject({
      code: 'too-many-pixels',
      status: 413,
    })
    expect((await gate.assess(photo)).verdict.score).toBeDefined()
  })

  test('a face of the smallest size that counts, and one below it', async () => {
    const full = (await gate.assess(await sampleFace('f'))).verdict.face?.interEyeDistance as number
    const { width } = await sharp(await sampleFace('f')).metadata()
    const shrink = async (eyes: number) =>
      sharp(await sampleFace('f'))
        .resize(Math.round((width * eyes) / full))
        .extend({ top: 200, bottom: 200, left: 200, right: 200, background: '#808080' })
        .png()
        .toBuffer()
    const small = await gate.assess(await shrink(9)).catch((error: unknown) => error)
    expect(['no-face', 'face-too-small']).toContain((small as { code: string }).code)
    expect((await gate.assess(await shrink(24))).verdict.face?.interEyeDistance).toBeGreaterThan(13)
  })
})

describe('models that cannot be used stop createGate()', () => {
  const folder = mkdtempSync(join(tmpdir(), 'diffiqa-gate-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const original = fileURLToPath(modelsDir())

  test.each<[string, (dir: string) => void, string]>([
    ['no manifest', (dir) => rmSync(join(dir, 'manifest.json')), 'model-missing'],
    ['no regressor', (dir) => rmSync(join(dir, 'regressor.onnx')), 'model-missing'],
    ['another file', (dir) => copyFileSync(join(dir, 'detector.onnx'), join(dir, 'regressor.onnx')), 'model-integrity'],
    ['a manifest that is none', (dir) => writeFileSync(join(dir, 'manifest.json'), '{}'), 'model-incompatible'],
  ])('%s', async (name, damage, code) => {
    const dir = join(folder, name)
    for (const file of ['manifest.json', 'detector.onnx', 'embedder.onnx', 'denoiser.onnx', 'regressor.onnx'])
      cpSync(join(original, file), join(dir, file))
    damage(dir)
    for (const inference of ['in-process', 'workers'] as const)
      await expect(createGate({ modelsDir: dir, inference, workers: 1 })).rejects.toMatchObject({ code })
  })
})
