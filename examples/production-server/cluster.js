// Several processes behind one port. SIGHUP replaces them one after another, SIGTERM ends them; neither loses a request. A process that
// crashes is replaced. /live, /ready and /metrics at the operators' port are those of all processes together.
import cluster from 'node:cluster'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { ClusterMetrics } from './cluster-metrics.js'
import { onSignal, settings } from './settings.js'

const { settleMs, opsPort, host } = settings
const count = Number(process.env.PROCESSES ?? availableParallelism())
const metrics = new ClusterMetrics()
/** Processes that take requests. */
const serving = new Set()
let stopping = false

/** Resolves with the port when the process takes requests, rejects when it ends before. */
async function start() {
  const worker = cluster.fork()
  metrics.follow(worker)
  const ended = once(worker, 'exit').then(([code, signal]) => {
    if (serving.delete(worker) && !stopping) void replace()
    throw new Error(`Process ${worker.process.pid} ended with ${code ?? signal}`)
  })
  ended.catch(({ message }) => console.error(message))
  const [{ port }] = await Promise.race([once(worker, 'message'), ended])
  serving.add(worker)
  return port
}

/** Until it succeeds: what made a process end may last a while. */
async function replace() {
  for (let pauseMs = 100; !stopping; pauseMs = Math.min(2 * pauseMs, 10_000)) {
    try {
      return await start()
    } catch {
      await sleep(pauseMs)
    }
  }
}

async function retire(worker, options) {
  // From here on its end is no accident.
  serving.delete(worker)
  if (worker.isDead()) return
  const ended = once(worker, 'exit')
  if (worker.isConnected()) worker.send({ close: { settleMs, ...options } })
  await ended
}

/** The next process starts before the last one ends, so that there are never fewer. */
async function restart() {
  for (const worker of [...serving]) {
    if (stopping) return
    await start()
    await retire(worker, { stayReady: true })
  }
  console.log(`Restarted: ${[...serving].map((worker) => worker.process.pid).join(' ')}`)
}

const retireAll = () => Promise.all([...serving].map((worker) => retire(worker)))

const ops = express()
ops.get('/live', (_req, res) => void res.json({ live: true }))
ops.get('/ready', (_req, res) => {
  const ready = serving.size > 0 && !stopping
  res.status(ready ? 200 : 503).json({ ready })
})
ops.get('/metrics', async (_req, res) => {
  const { contentType, text } = await metrics.read()
  res.type(contentType).send(text)
})

cluster.setupPrimary({ exec: fileURLToPath(new URL('cluster-process.js', import.meta.url)) })
const [port] = await Promise.all(Array.from({ length: count }, start))
const server = ops.listen(opsPort, host)
await once(server, 'listening')

let restarting = Promise.resolve()
process.on('SIGHUP', () => {
  restarting = restarting.then(restart).catch(({ message }) => console.error(`The old processes stay: ${message}`))
})
onSignal(async () => {
  stopping = true
  await Promise.all([retireAll(), restarting])
  // One that was just starting.
  await retireAll()
})
console.log(`Listening at port ${port}; /live, /ready and /metrics at port ${server.address().port}`)
