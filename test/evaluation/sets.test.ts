import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { createByteCache, recallNumbers } from '../../src/evaluation/byte-cache.ts'
import { crossPairs, fitsPattern, takesPart } from '../../src/evaluation/cross-pairs.ts'
import { chooseDamage, sameFace } from '../../src/evaluation/degraded-set.ts'
import { cachedJudge } from '../../src/evaluation/embedding-cache.ts'
import { openJudge } from '../../src/evaluation/judge.ts'
import { readContract } from '../../src/evaluation/judge-contract.ts'
import { allPairs } from '../../src/evaluation/pairs.ts'
import { openPlotter, type Plot } from '../../src/evaluation/plot.ts'
import { svgToPng } from '../../src/evaluation/svg-to-png.ts'
import { decode } from '../../src/face/decode.ts'
import type { Face } from '../../src/face/types.ts'
import { tinyEmbedder } from '../fixtures/tiny-embedder.ts'

const folder = mkdtempSync(join(tmpdir(), 'diffiqa-sets-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('pairs across two groups of photos', () => {
  const files = ['1/frontal_01.jpg', '1/frontal_02.jpg', '1/profile_01.jpg', '2/frontal_01.jpg', '2/profile_01.jpg']
  const people = files.map((file) => file.slice(0, 1))

  test('frontal against profile', () => {
    const { genuine, impostors } = crossPairs(files, people, { first: 'frontal_*', second: 'profile_*' })
    expect([...genuine.first]).toEqual([0, 1, 3])
    expect([...genuine.second]).toEqual([2, 2, 4])
    const seen: string[] = []
    impostors((a, b) => seen.push(`${a} ${b}`))
    expect(seen).toEqual(['0 4', '1 4', '2 3'])
  })

  test('frontal against frontal; the profiles take no part', () => {
    const pattern = { first: 'frontal_*', second: 'frontal_*' }
    const { genuine } = crossPairs(files, people, pattern)
    expect([[...genuine.first], [...genuine.second]]).toEqual([[0], [1]])
    expect(files.filter((file) => takesPart(file, pattern))).toHaveLength(3)
  })

  test('everything against everything is all pairs', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 }), (names) => {
        const every = crossPairs(
          names.map((name, k) => `${name}/${k}`),
          names,
          { first: '*', second: '*' },
        )
        expect(every.genuine).toEqual(allPairs(names).genuine)
      }),
    )
  })

  test('a pattern is no regular expression', () => {
    expect(fitsPattern('p/a.jpg', 'a.jpg')).toBe(true)
    expect(fitsPattern('p/aXjpg', 'a.jpg')).toBe(false)
    expect(fitsPattern('p/x/b(1).png', 'x/b(?).*')).toBe(true)
  })
})

describe('degraded sets', () => {
  const files = Array.from({ length: 4000 }, (_, k) => `lfw/p${k}.jpg`)

  test('mixed degrades 35 %, hard all but a sixth, natural none; the same ones again', () => {
    const of = (set: 'natural' | 'mixed' | 'hard', seed = '1') => files.map((file) => chooseDamage(set, file, seed))
    const share = (set: 'natural' | 'mixed' | 'hard'): number => of(set).filter(Boolean).length / files.length
    expect(share('natural')).toBe(0)
    expect(Math.abs(share('mixed') - 0.35)).toBeLessThan(0.03)
    expect(Math.abs(share('hard') - 5 / 6)).toBeLessThan(0.03)
    expect(of('hard')).toEqual(of('hard'))
    expect(of('hard')).not.toEqual(of('hard', '2'))
    expect(new Set(of('hard').map((damage) => damage?.level))).toEqual(new Set([undefined, 1, 2, 3, 4, 5]))
    expect(new Set(of('mixed').flatMap((damage) => damage?.kind ?? [])).size).toBe(9)
  })

  test('after degradation only a face in the same place is the same face, in a smaller copy too', () => {
    const at = (x: number, y: number, side: number) => ({ box: { x, y, width: side, height: side } }) as Face
    const [near, far] = [at(52, 48, 42), at(10, 10, 42)]
    expect(sameFace(at(100, 100, 80), { width: 400 }, [far, near], { width: 200 })).toBe(near)
    expect(sameFace(at(100, 100, 80), { width: 400 }, [far], { width: 200 })).toBeUndefined()
    expect(sameFace(at(100, 100, 80), { width: 400 }, [], { width: 200 })).toBeUndefined()
  })
})

describe('remembered numbers', () => {
  test('are computed once per content, and survive a new start', async () => {
    let runs = 0
    const ask = (...parts: string[]) =>
      recallNumbers(createByteCache(join(folder, 'cache')), parts, async () => [++runs, 0.5])
    expect([...(await ask('a', 'bc'))]).toEqual([1, 0.5])
    expect([...(await ask('a', 'bc'))]).toEqual([1, 0.5])
    expect([...(await ask('ab', 'c'))]).toEqual([2, 0.5])
    expect(
      readdirSync(join(folder, 'cache'), { recursive: true }).filter((name) => String(name).length > 60),
    ).toHaveLength(2)
  })

  test('an embedding is found again by network, feeding and pixels', async () => {
    writeFileSync(
      join(folder, 'tiny.onnx'),
      tinyEmbedder(4, (row, column) => ((row * 7 + column * 3) % 5) - 2),
    )
    writeFileSync(join(folder, 'tiny.json'), JSON.stringify({ model: 'tiny.onnx', std: 255 }))
    const contract = await readContract(join(folder, 'tiny.json'))
    const judge = await openJudge(contract)
    let asked = 0
    const embed = (pixels: Uint8Array) => {
      asked++
      return judge.embed(pixels)
    }
    const counting = { ...judge, embed }
    const cache = createByteCache(join(folder, 'embeddings'))
    const crop = Uint8Array.from({ length: 112 * 112 * 3 }, (_, i) => (i * 31) % 251)
    const first = await cachedJudge(counting, contract, cache).embed(crop)
    const again = await cachedJudge(counting, { ...contract, name: 'other' }, cache).embed(crop)
    expect(asked).toBe(1)
    expect([...again]).toEqual([...first])
    await cachedJudge(counting, { ...contract, channels: 'bgr' }, cache).embed(crop)
    await cachedJudge(counting, contract, cache).embed(crop.map((value) => value ^ 1))
    expect(asked).toBe(3)
    await judge.close()
  })
})

describe('plots', () => {
  const plot: Plot = {
    title: 'EDC & <judge>',
    x: { title: 'discarded', min: 0, max: 0.5 },
    y: { title: 'FNMR', min: 0 },
    lines: [
      {
        name: 'ours',
        steps: true,
        points: [
          [0, 0.3],
          [0.1, 0.2],
          [0.5, 0.1],
        ],
      },
      {
        name: 'mean',
        points: [
          [0, 0.3],
          [0.5, 0.2],
        ],
        band: [
          [0, 0.2, 0.4],
          [0.5, 0.1, 0.3],
        ],
      },
    ],
  }

  test('are text that depends on the plot alone, names included', async () => {
    const draw = await openPlotter()
    const svg = draw(plot)
    draw({ ...plot, title: 'another' })
    expect(draw(plot)).toBe(svg)
    for (const text of ['EDC &amp; &lt;judge&gt;', 'ours', 'mean', 'discarded', 'FNMR']) expect(svg).toContain(text)
  })

  test('become PNG after photos were decoded, and SVG photos stay refused', async () => {
    const svg = (await openPlotter())(plot)
    await expect(decode(new TextEncoder().encode(svg))).rejects.toMatchObject({ code: 'unsupported-media-type' })
    const { data, info } = await sharp(await svgToPng(svg))
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect([info.width, info.height]).toEqual([1520, 920])
    expect(new Set(data).size).toBeGreaterThan(10)
    await expect(sharp(Buffer.from(svg)).png().toBuffer()).rejects.toThrow()
  })
})
