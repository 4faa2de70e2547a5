import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Calibration } from '../../src/gate/calibration.ts'
import { readCalibration } from '../../src/gate/calibration-file.ts'
import { createGate } from '../../src/gate/create-gate.ts'
import { type EmbeddingSource, resolveOptions } from '../../src/gate/options.ts'
import { applyKnots } from '../../src/quality/calibration.ts'
import { calibrationOf } from '../fixtures/calibration.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'

/** A full score has to come, however busy the machine is. */
const patient = { inference: 'in-process', deadlineMs: 60_000 } as const

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'calibration-'))
})
afterAll(() => rm(folder, { recursive: true }))

const write = async (text: string): Promise<string> => {
  const path = join(folder, `${Math.random()}.json`)
  await writeFile(path, text)
  return path
}

/** Tells how bright a crop is, and in which half. */
const source = (): EmbeddingSource & { embed: ReturnType<typeof vi.fn> } => ({
  name: 'own',
  embed: vi.fn(async (faces: readonly { pixels: Uint8Array }[]) =>
    faces.map(({ pixels }) => Float32Array.from({ length: 16 }, (_, i) => pixels[i * 2351] ?? 0)),
  ),
})

describe('readCalibration()', () => {
  test('reads an object, a path and a URL alike', async () => {
    const given = calibrationOf()
    const path = await write(JSON.stringify(given))
    expect(await readCalibration(given)).toEqual(given)
    expect(await readCalibration(path)).toEqual(given)
    expect(await readCalibration(pathToFileURL(path))).toEqual(given)
  })

  const { matcher, scoring } = calibrationOf()
  test.each([
    ['another JSON file', { name: 'some-package' }, 'format'],
    ['a later format', { ...calibrationOf(), version: 2 }, 'version'],
    ['nothing', null, ''],
    ['no hash', calibrationOf({ models: { embedder: 'x' } as never }), 'models.embedder'],
    [
      'falling knots',
      calibrationOf({
        scoring: {
          ...scoring,
          regressor: {
            knots: [
              [0, 1],
              [1, 0],
            ],
          },
        },
      }),
      'scoring.regressor.knots[1][1]',
    ],
    [
      'r(q) above 1',
      calibrationOf({
        matcher: {
          ...matcher,
          knots: [
            [0, 0.5],
            [1, 1.5],
          ],
        },
      }),
      'matcher.knots[1][1]',
    ],
    [
      'r(q) of 0',
      calibrationOf({
        matcher: {
          ...matcher,
          knots: [
            [0, 0],
            [1, 1],
          ],
        },
      }),
      'matcher.knots[0][1]',
    ],
    [
      'r(q) that ends below 1',
      calibrationOf({
        matcher: {
          ...matcher,
          knots: [
            [0, 0.5],
            [1, 0.9],
          ],
        },
      }),
      'matcher.knots[1][1]',
    ],
    ['NaN', calibrationOf({ matcher: { ...matcher, threshold: Number.NaN } }), 'matcher.threshold'],
    [
      'a mean beyond the threshold',
      calibrationOf({ matcher: { ...matcher, impostorMean: 0.5 } }),
      'matcher.impostorMean',
    ],
    [
      'contradicting thresholds',
      calibrationOf({
        scoring: {
          ...scoring,
          thresholds: {
            ...scoring.thresholds,
            strict: { ...scoring.thresholds.strict, probe: { rejectBelow: 0.9, acceptFrom: 0.1, minWeight: 0.8 } },
          },
        },
      }),
      'scoring.thresholds.strict.probe.acceptFrom',
    ],
  ])('%s is refused, the field named', async (_, value, field) => {
    await expect(readCalibration(value as Calibration)).rejects.toMatchObject({
      code: 'invalid-calibration',
      details: { field },
      message: expect.not.stringContaining('manifest.json'),
    })
  })

  test.each([
    ['no file', () => join(folder, 'none.json')],
    ['no JSON', () => write('{')],
    ['a far too large file', () => write(' '.repeat(1_000_001))],
  ])('%s is refused', async (_, path) => {
    await expect(readCalibration(await path())).rejects.toMatchObject({ code: 'invalid-calibration' })
  })
})

describe('options that go together', () => {
  const calibration = calibrationOf({ quality: 'matcher' })
  test.each([
    ['the paper preset', { calibration, preset: 'paper' as const }, 'calibration'],
    ['a matcher for the general score', { matcher: source() }, 'matcher'],
    ['no matcher', { quality: 'matcher' as const, calibration }, 'matcher'],
    [
      'a matcher without embed()',
      { quality: 'matcher' as const, calibration, matcher: { name: 'x' } as never },
      'matcher',
    ],
    ['no calibration', { quality: 'matcher' as const, matcher: source() }, 'calibration'],
    ['another quality', { quality: 'best' as never }, 'quality'],
  ])('%s is refused', (_, options, option) => {
    expect(() => resolveOptions(options)).toThrow(
      expect.objectContaining({ code: 'invalid-option', details: { option } }),
    )
  })

  test('a calibration for other networks, another matcher or another quality is refused at the start', async () => {
    const inference = 'in-process'
    const other = calibrationOf({ models: { ...calibrationOf().models, regressor: '0'.repeat(64) } })
    await expect(createGate({ inference, calibration: other })).rejects.toMatchObject({
      code: 'calibration-mismatch',
      details: { model: 'regressor' },
    })
    await expect(createGate({ inference, calibration: calibrationOf({ modelVersion: '0.9' }) })).rejects.toMatchObject({
      code: 'calibration-mismatch',
      details: { fittedWith: '0.9' },
    })
    const { scoring } = calibration
    const [first] = scoring.tuned.terms as [(typeof scoring.tuned.terms)[0]]
    const terms = [{ ...first, timestep: first.timestep + 1 }]
    const foreign = { ...calibration, scoring: { ...scoring, tuned: { ...scoring.tuned, terms } } }
    await expect(
      createGate({ inference, calibration: foreign, quality: 'matcher', matcher: source() }),
    ).rejects.toMatchObject({ code: 'invalid-calibration', details: { field: 'scoring.tuned.terms' } })
    await expect(createGate({ inference, calibration })).rejects.toMatchObject({
      code: 'invalid-option',
      details: { option: 'quality' },
    })
    await expect(createGate({ inference, calibration, quality: 'matcher', matcher: source() })).rejects.toMatchObject({
      code: 'calibration-mismatch',
      details: { fittedFor: 'onnx', matcher: 'own' },
    })
  })
})

describe('createGate({ calibration })', () => {
  test('scores, thresholds and the combination are those of the calibration', async () => {
    const calibration = calibrationOf()
    await using gate = await createGate({ ...patient, calibration })
    expect(gate.calibration).toBe(calibration)
    expect(gate.thresholds).toEqual(calibration.scoring.thresholds.balanced)
    const { verdict } = await gate.assess(await sampleFace('a'), { full: true })
    const { regressor, tuned, cascade } = calibration.scoring
    expect(verdict.fast?.value).toBeCloseTo(applyKnots(regressor.knots, verdict.fast?.raw as number), 9)
    expect(verdict.full?.value).toBeCloseTo(applyKnots(tuned.knots, verdict.full?.raw as number), 9)
    expect(verdict.score?.value).toBeCloseTo(applyKnots(cascade.combination.knots, verdict.score?.raw as number), 9)
    expect(verdict.thresholds).toMatchObject({ rejectBelow: 0.1, acceptFrom: 0.2 })
  })

  test("quality 'matcher': its embedding is E, the crops are the same each time, its failure leaves the fast score", async () => {
    const matcher = source()
    const calibration = calibrationOf({ quality: 'matcher', matcher: { ...calibrationOf().matcher, name: 'own' } })
    const { tuned } = calibration.scoring
    await using gate = await createGate({ ...patient, calibration, quality: 'matcher', matcher })
    const photo = await sampleFace('a')
    const first = (await gate.assess(photo, { full: true })).verdict
    const again = (await gate.assess(photo, { full: true })).verdict
    expect(again.full).toEqual(first.full)
    const versions = tuned.terms.map(({ feature }) => feature.replace(/^log-norm-?|^pixel-residual$/, ''))
    expect(first.full?.terms?.map(({ term }) => term)).toEqual([
      ...new Set(versions.filter((version) => version !== '')),
    ])
    const [faces, options] = matcher.embed.mock.calls[0] as [{ pixels: Uint8Array }[], { signal: AbortSignal }]
    // The face, its mirror image, its noised and its restored copy.
    expect(faces).toHaveLength(4)
    expect(faces.every(({ pixels }) => pixels.length === 112 * 112 * 3)).toBe(true)
    expect(options.signal).toBeInstanceOf(AbortSignal)
    await using gateOfItsOwn = await createGate(patient)
    const own = (await gateOfItsOwn.assess(photo, { full: true })).verdict
    expect(first.full?.terms?.[0]?.similarity).not.toBeCloseTo(own.full?.terms?.[0]?.similarity as number, 6)

    matcher.embed.mockRejectedValueOnce(new Error('out of memory'))
    expect((await gate.assess(photo, { full: true })).verdict).toMatchObject({ escalation: 'failed', full: undefined })
    matcher.embed.mockResolvedValueOnce([Float32Array.of(1)])
    expect((await gate.assess(photo, { full: true })).verdict).toMatchObject({
      escalation: 'failed',
      failure: 'matcher-invalid-answer',
    })
  })

  test("quality 'matcher': one that is late, or fails late, costs the fast score nothing", async () => {
    const calibration = calibrationOf({ quality: 'matcher', matcher: { ...calibrationOf().matcher, name: 'own' } })
    const matcher = source()
    const signals: AbortSignal[] = []
    let fail = (): void => {}
    matcher.embed.mockImplementation((_faces: unknown, { signal }: { signal: AbortSignal }) => {
      signals.push(signal)
      return new Promise((_, reject) => {
        fail = () => reject(new Error('too late'))
      })
    })
    await using gate = await createGate({ ...patient, calibration, quality: 'matcher', matcher })
    const { verdict } = await gate.assess(await sampleFace('a'), { full: true, deadlineMs: 3000 })
    expect(verdict).toMatchObject({ escalation: 'skipped-deadline', full: undefined, score: { method: 'diffiqa-r' } })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    // Nobody waits for it any more: this must not end the process as an unhandled rejection.
    fail()
    await new Promise((resolve) => setTimeout(resolve, 20))
  })
})
