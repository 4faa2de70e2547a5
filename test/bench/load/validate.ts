/**
 * `npm run bench:load:validate`: plays the open-loop cells of the newest campaign through the simulation of `express-diffiqa plan` and says how
 * far off it is. `-- FILE…` takes other campaigns; of several the middle error of each cell counts, since one hiccup of a shared machine is a
 * cell's whole window. Ends with 1 when the rate of verdicts of a cell is off by more than 15 %.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { Campaign } from './campaign.ts'
import { spread } from './cells.ts'
import { ALLOWED, validationOf } from './validation.ts'

const newest = readdirSync('bench-results')
  .filter((name) => name.startsWith('load-'))
  .toSorted()
  .at(-1)
const given = process.argv.slice(2)
const files = given.length > 0 ? given : newest ? [`bench-results/${newest}`] : []
if (files.length === 0) throw new Error('no campaign in bench-results/: npm run bench:load')
const found = files.map((file) => validationOf(JSON.parse(readFileSync(file, 'utf8')) as Campaign))
const errors = new Map<string, number[]>()
for (const { text, goodput } of found) {
  process.stdout.write(`${text}\n`)
  for (const [cell, error] of goodput) errors.set(cell, [...(errors.get(cell) ?? []), error])
}
let largest = 0
for (const [cell, list] of errors) {
  const middle = spread(list).p50
  largest = Math.max(largest, Math.abs(middle))
  if (files.length > 1)
    process.stdout.write(`${cell}: ${list.map((error) => `${(100 * error).toFixed(1)} %`).join(', ')}\n`)
  if (Math.abs(middle) > ALLOWED) process.exitCode = 1
}
process.stdout.write(`largest error of the rate of verdicts: ${(100 * largest).toFixed(1)} %\n`)
