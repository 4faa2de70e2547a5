/**
 * A process of its own for `npm run bench`: what a gate with two workers keeps resident, and by how much that grows. The package as it is
 * installed and nothing beside it; photos come from the process that started this one.
 */
import { once } from 'node:events'
import { createGate } from 'express-diffiqa'

const WARM_UP = 200
const megabytes = () => process.memoryUsage().rss / 1e6

const [{ photos, count }] = await once(process, 'message')
const gate = await createGate({ workers: 2, escalationBudget: 0, maxQueue: 50 })
let next = 0
async function assess(left) {
  let waiting = left
  const one = async () => {
    while (waiting-- > 0) await gate.assess(photos[next++ % photos.length], { deadlineMs: 60_000 })
  }
  await Promise.all([one(), one(), one(), one()])
}
await assess(Math.min(WARM_UP, count))
const before = megabytes()
await assess(count)
process.send({ resident: before, growth: megabytes() - before })
await gate.close()
process.disconnect()
