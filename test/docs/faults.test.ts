import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const cells = readFileSync('docs/faults.md', 'utf8')
/** Each file named, with the titles that follow it. */
const named = [...cells.matchAll(/`(test\/[\w./-]+\.ts)`((?:,? "[^"]+")*)/g)].map(
  ([, file, titles = '']) =>
    [file as string, [...titles.matchAll(/"([^"]+)"/g)].map(([, title]) => title as string)] as const,
)

it.each(named)('docs/faults.md: %s has the tests that it is said to have', (file, titles) => {
  expect(titles.length).toBeGreaterThan(0)
  const text = readFileSync(file, 'utf8').replaceAll("\\'", "'")
  for (const title of titles) expect(text).toContain(title)
})

it('docs/faults.md: every line of its tables names a test', () => {
  const rows = cells.split('\n').filter((line) => line.startsWith('| ') && !/^\| (fault|---)/.test(line))
  expect(rows.length).toBeGreaterThan(30)
  for (const row of rows) expect(row).toMatch(/`test\/[\w./-]+\.ts` "/)
})
