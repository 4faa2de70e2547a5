/**
 * `npm run bench:load:validate`: plays the open-loop cells of the newest campaign through the simulation of `express-diffiqa plan` and says how
 * far off it is. Ends with 1 when the rate of verdicts of a cell is off by more than 15 %. `-- FILE` takes another campaign.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { Campaign } from './campaign.ts'
import { validationOf } from './validation.ts'

const newest = readdirSync('bench-results')
  .filter((name) => name.startsWith('load-'))
  .toSorted()
  .at(-1)
const file = process.argv[2] ?? (newest && `bench-results/${newest}`)
if (!file) throw new Error('no campaign in bench-results/: npm run bench:load')
const { text, within } = validationOf(JSON.parse(readFileSync(file, 'utf8')) as Campaign)
process.stdout.write(`${text}\n`)
if (!within) process.exitCode = 1
