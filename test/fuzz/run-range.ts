/** `tsx run-range.ts SEED FROM TO`: that part of the inputs, in a process of its own that may die. One JSON line before and one after each. */
import { writeSync } from 'node:fs'
import { makeBases } from './bases.ts'
import { makeInput } from './make-input.ts'
import { Trial } from './trial.ts'

const [seed = 0, from = 0, to = 0] = process.argv.slice(2).map(Number)
// Not through the stream: what it holds back would be lost with the process.
const say = (line: object): number => writeSync(1, `${JSON.stringify(line)}\n`)

const bases = await makeBases()
const trial = await Trial.open()
for (let index = from; index < to; index++) {
  say({ begun: index })
  const { code, heldMs, cpuMs, fault } = await trial.run(makeInput(bases, seed, index).bytes)
  say({ ended: index, code, heldMs, cpuMs, fault, maxRssMb: Math.round(process.resourceUsage().maxRSS / 1024) })
}
await trial.close()
