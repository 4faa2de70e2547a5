import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parseCsv } from '../../src/evaluation/csv.ts'
import { judgeTensor, openJudge } from '../../src/evaluation/judge.ts'
import { readContract } from '../../src/evaluation/judge-contract.ts'
import { readPairs } from '../../src/evaluation/pairs-file.ts'
import { readScores } from '../../src/evaluation/scores-file.ts'
import { seededWeight, tinyEmbedder } from '../fixtures/tiny-embedder.ts'

const folder = mkdtempSync(join(tmpdir(), 'diffiqa-edc-'))
afterAll(() => rmSync(folder, { recursive: true }))
const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

const FILES = ['ann/1.jpg', 'ann/2.jpg', 'bob/1.jpg']
const PEOPLE = ['ann', 'ann', 'bob']

describe('CSV', () => {
  test('quotes, line ends, empty lines and a byte order mark', () => {
    expect(parseCsv('\uFEFFa,b\r\n"x, ""y""",2\n\n"two\nlines",\n')).toEqual([
      ['a', 'b'],
      ['x, "y"', '2'],
      ['two\nlines', ''],
    ])
  })

  test('scores by name below the folder or with the way to it; the first row of a file counts', async () => {
    const path = write(
      's.csv',
      `score,face,file\n0.5,0,ann/1.jpg\n0.1,1,ann/1.jpg\n7,0,${folder}/bob/1.jpg\n,0,ann/2.jpg\n`,
    )
    expect([...(await readScores(path, folder, FILES))]).toEqual([0.5, Number.NaN, 7])
  })

  test.each([
    ['file,value\nann/1.jpg,1\n', /needs a header line with file, score; no "score"/],
    ['file,score\nann/1.jpg,high\n', /score of ann\/1.jpg is no number: high/],
    ['file,score\nelse/1.jpg,1\n', /no score for any photo/],
  ])('%j is refused', async (text, message) => {
    await expect(readScores(write('bad.csv', text), folder, FILES)).rejects.toThrow(message)
  })

  test('pairs', async () => {
    const path = write('p.csv', 'first,second,same\nann/1.jpg,ann/2.jpg,1\nann/1.jpg,bob/1.jpg,0\n')
    const { genuine, impostors } = await readPairs(path, folder, FILES, PEOPLE)
    expect([[...genuine.first], [...genuine.second], [...genuine.person]]).toEqual([[0], [1], [0]])
    const visited: number[][] = []
    impostors((a, b) => visited.push([a, b]))
    expect(visited).toEqual([[0, 2]])
    const unknown = write('q.csv', 'first,second,same\nann/1.jpg,eve/1.jpg,1\n')
    await expect(readPairs(unknown, folder, FILES, PEOPLE)).rejects.toThrow(/no photo eve\/1.jpg/)
    const maybe = write('r.csv', 'first,second,same\nann/1.jpg,ann/2.jpg,maybe\n')
    await expect(readPairs(maybe, folder, FILES, PEOPLE)).rejects.toThrow(/must be 1 or 0/)
  })
})

describe('judges', () => {
  const pixels = Uint8Array.from({ length: 112 * 112 * 3 }, (_, i) => (i * 7) % 256)

  test('a contract with defaults is read, and its network embeds', async () => {
    write('tiny.onnx', tinyEmbedder(5, seededWeight(1)))
    const contract = await readContract(write('tiny.json', '{ "model": "tiny.onnx", "mean": 127.5, "std": 128 }'))
    expect(contract).toMatchObject({ name: 'tiny', size: 112, layout: 'nchw', channels: 'rgb', std: [128, 128, 128] })
    const judge = await openJudge(contract)
    expect(await judge.embed(pixels)).toHaveLength(5)
    expect(judge.sha256).toMatch(/^[0-9a-f]{64}$/)
    await judge.close()
    await expect(openJudge({ ...contract, sha256: '0'.repeat(64) })).rejects.toMatchObject({ code: 'model-integrity' })
    await expect(openJudge({ ...contract, output: 'other' })).rejects.toMatchObject({ code: 'model-incompatible' })
    await expect(openJudge({ ...contract, model: '/nowhere' })).rejects.toMatchObject({ code: 'model-missing' })
  })

  test.each([
    ['{}', /`model` must be/],
    ['{ "model": "a", "colour": 1 }', /Unknown option "colour"/],
    ['{ "model": "a", "std": 0 }', /`std` must not be 0/],
    ['{ "model": "a", "mean": [1, 2] }', /`mean` must be a number or three/],
    ['{ "model": "a", "layout": "chw" }', /`layout`/],
    ['{ "model": "a", "fmr": 1 }', /`fmr`/],
    ['{ "model": "a", "region": { "side": 3 } }', /`region`/],
    ['{ "model": "a", "size": 0 }', /"size" must be an integer of at least 1/],
    ['{', /cannot be read as JSON/],
  ])('%s is refused', async (text, message) => {
    await expect(readContract(write('bad.json', text))).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringMatching(message),
    })
  })

  test('the input is the crop itself by default, its channels and layout as wanted', async () => {
    const contract = await readContract(write('c.json', '{ "model": "a", "mean": [1, 2, 3], "std": [1, 2, 4] }'))
    const { data, dims } = judgeTensor(pixels, contract)
    expect(dims).toEqual([1, 3, 112, 112])
    const at = (x: number, y: number, c: number) => pixels[(y * 112 + x) * 3 + c] as number
    expect(data[112 * 112 + 5 * 112 + 9]).toBe((at(9, 5, 1) - 2) / 2)
    const bgr = judgeTensor(pixels, { ...contract, channels: 'bgr', layout: 'nhwc' })
    expect(bgr.dims).toEqual([1, 112, 112, 3])
    expect(bgr.data[(5 * 112 + 9) * 3]).toBe(at(9, 5, 2) - 1)
  })

  test('another region is resampled, edges repeated', async () => {
    const region = { centre: [56, 62] as const, side: 128 }
    const contract = { ...(await readContract(write('d.json', '{ "model": "a" }'))), size: 224, region }
    const ramp = Uint8Array.from({ length: 112 * 112 * 3 }, (_, i) => Math.floor(i / 3) % 112)
    const { data } = judgeTensor(ramp, contract)
    const row = (x: number) => data[100 * 224 + x] as number
    // x' = (x - 112) · 128 / 224 + 56
    expect(row(112)).toBe(56)
    expect(row(119)).toBeCloseTo(60, 5)
    expect(row(120)).toBeCloseTo(60 + 4 / 7, 4)
    expect([row(0), row(223)]).toEqual([0, 111])
  })
})
