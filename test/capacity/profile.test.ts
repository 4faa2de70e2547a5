import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readProfile } from '../../src/capacity/profile.ts'
import { meanOf, quantilesOf, scaledTo } from '../../src/capacity/quantiles.ts'
import { madeUpProfile } from './profile.ts'

const folder = mkdtempSync(join(tmpdir(), 'diffiqa-capacity-'))
afterAll(() => rmSync(folder, { recursive: true }))
function written(content: unknown): string {
  const file = join(folder, 'profile.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

test('the shipped profile is one, with provenance', async () => {
  const { measured, certainMs, fullMs } = await readProfile()
  expect(measured.command).toContain('npm run bench:load')
  expect(measured.machine).toMatch(/Node v\d/)
  expect(meanOf(fullMs)).toBeGreaterThan(meanOf(certainMs))
})

test('a profile of one’s own is read as it is', async () => {
  expect(await readProfile(written(madeUpProfile()))).toEqual(madeUpProfile())
})

test.each([
  ['no file', undefined, /cannot be read/],
  ['no JSON', '{', /not JSON/],
  ['no object', '[]', /whole|format/],
  ['another format', { ...madeUpProfile(), format: 'x' }, /format/],
  ['another version', { ...madeUpProfile(), version: 2 }, /version/],
  ['no durations', { ...madeUpProfile(), certainMs: undefined }, /certainMs/],
  ['one duration', { ...madeUpProfile(), fullMs: [3] }, /fullMs/],
  ['durations that fall', { ...madeUpProfile(), fullMs: [3, 2] }, /fullMs\[1\]/],
  ['a duration of nothing', { ...madeUpProfile(), uncertainMs: [0, 2] }, /uncertainMs\[0\]/],
  ['words for numbers', { ...madeUpProfile(), httpMs: '2' }, /httpMs/],
  ['cores that help one another', { ...madeUpProfile(), crowding: 0.5 }, /crowding/],
  ['no provenance', { ...madeUpProfile(), measured: {} }, /measured\.date/],
  ['far too much', ' '.repeat(1_000_001), /cannot be read/],
])('a file with %s is refused', async (_, content, message) => {
  const file = content === undefined ? join(folder, 'none.json') : written(content)
  const error = await readProfile(file).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ name: 'DiffiqaError', code: 'invalid-capacity' })
  expect((error as Error).message).toMatch(message)
  expect((error as Error).message).not.toContain('manifest.json')
})

test('quantiles keep the mean of what was measured, and may be given another', () => {
  const measured = [10, 11, 12, 13, 14, 15, 400]
  expect(meanOf(quantilesOf(measured))).toBeCloseTo(475 / 7, 1)
  expect(meanOf(scaledTo(quantilesOf(measured), 20))).toBeCloseTo(20)
})
