/** A process of its own for `npm run bench`: what a gate with two workers keeps resident, and by how much that grows. */
import { createGate } from '../../src/gate/create-gate.ts'
import { benchPhotos } from './photos.ts'

const [photos = 300] = process.argv.slice(2).map(Number)
const WARM_UP = 200
const megabytes = (): number => process.memoryUsage().rss / 1e6

const all = await benchPhotos()
const gate = await createGate({ workers: 2, escalationBudget: 0, maxQueue: 50 })
let next = 0
async function assess(count: number): Promise<void> {
  let left = count
  const one = async (): Promise<void> => {
    while (left-- > 0) await gate.assess(all[next++ % all.length] as Buffer, { deadlineMs: 60_000 })
  }
  await Promise.all([one(), one(), one(), one()])
}
await assess(Math.min(WARM_UP, photos))
const before = megabytes()
await assess(photos)
process.stdout.write(JSON.stringify({ resident: before, growth: megabytes() - before, photos }))
await gate.close()
