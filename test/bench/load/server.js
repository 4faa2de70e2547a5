/**
 * The service under load, a process of its own: the built package behind Express as its README has it. Told by its parent to begin and end
 * a window, it answers with what it saw of itself meanwhile.
 */
import { once } from 'node:events'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import express from 'express'
import { createGate } from 'express-diffiqa'
import { faceQuality, getFaceQuality, metricsHandler, raw } from 'express-diffiqa/express'

const SAMPLE_MS = 250
const MOST_VERDICTS = 1000
/** Its own timer is part of what the monitor reports. */
const RESOLUTION_MS = 5

const started = performance.now()
const gate = await createGate(JSON.parse(process.argv[2] ?? '{}'))
const readyMs = performance.now() - started
const app = express()
app.post('/probe', faceQuality(gate, { from: raw() }), (req, res) => {
  res.json({ decision: getFaceQuality(req).verdict.decision })
})
app.get('/metrics', metricsHandler(gate))
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
let seen = nothing()
let sampler

function nothing() {
  const loop = performance.eventLoopUtilization()
  return { at: performance.now(), cpu: process.cpuUsage(), loop, verdicts: [], judged: 0, shed: {}, rss: [], heap: [] }
}
gate.on('verdict', ({ verdict: { timings, escalation } }) => {
  const { queueMs, fullQueueMs = 0, decodeMs, detectMs, alignMs, diffiqaRMs, diffiqaMs, totalMs } = timings
  const fastMs = decodeMs + detectMs + alignMs + diffiqaRMs
  seen.judged++
  // A long soak is about memory: nothing of its own may grow.
  if (seen.judged <= MOST_VERDICTS) seen.verdicts.push([queueMs, fastMs, fullQueueMs, diffiqaMs, totalMs, escalation])
})
gate.on('shed', ({ reason }) => {
  seen.shed[reason] = (seen.shed[reason] ?? 0) + 1
})

function begin() {
  seen = nothing()
  delay.reset()
  delay.enable()
  const sample = () => {
    const { rss, heapTotal, external } = process.memoryUsage()
    seen.rss.push(rss)
    seen.heap.push(heapTotal + external)
  }
  sample()
  sampler = setInterval(sample, SAMPLE_MS)
}

function end() {
  delay.disable()
  clearInterval(sampler)
  const { at, cpu, loop, verdicts, judged, shed, rss, heap } = seen
  const used = process.cpuUsage(cpu)
  const ms = (q) => Math.max(0, delay.percentile(q) / 1e6 - RESOLUTION_MS)
  return {
    seconds: (performance.now() - at) / 1000,
    cpuSeconds: (used.user + used.system) / 1e6,
    loopActive: performance.eventLoopUtilization(loop).active / 1000,
    loopDelay: { p50: ms(50), p99: ms(99), max: Math.max(0, delay.max / 1e6 - RESOLUTION_MS) },
    verdicts,
    judged,
    shed,
    rss,
    heap,
  }
}

/** Milliseconds until nothing waits and nothing runs. */
async function idle() {
  const since = performance.now()
  for (;;) {
    const { queue, workers } = gate.stats()
    if (queue.fast.depth + queue.full.depth + workers.busy === 0) return performance.now() - since
    await new Promise((done) => setTimeout(done, 5))
  }
}

process.on('message', async (order) => {
  if (order === 'begin') begin()
  else if (order === 'end') process.send(end())
  else if (order === 'idle') process.send(await idle())
})
process.on('disconnect', () => process.exit())
process.send({ port: server.address().port, readyMs, stats: gate.stats(), rss: process.memoryUsage.rss() })
