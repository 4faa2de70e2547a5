/** `npx tsx models/evaluation/draw.ts PLOT.json OUT.svg`: draws what models/training wrote, with the plotting library of the evaluation. */
import { readFile, writeFile } from 'node:fs/promises'
import { openPlotter, type Plot } from '../../src/evaluation/plot.ts'

const [source, target] = process.argv.slice(2)
if (!source || !target) throw new Error('usage: draw.ts PLOT.json OUT.svg')
const plot = await openPlotter()
await writeFile(target, plot(JSON.parse(await readFile(source, 'utf8')) as Plot))
