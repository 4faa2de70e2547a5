import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { createGate } from 'express-diffiqa'
import { faceQuality, getFaceQuality, metricsHandler, problemHandler, readyHandler } from 'express-diffiqa/express'
import { human } from 'express-diffiqa/human'
import { guard } from 'express-diffiqa/matcher'
import { loadHuman } from './load-human.js'

const PAGE = `<!doctype html><meta name="viewport" content="width=device-width"><title>express-diffiqa</title>
<h1>Who is this?</h1><form method="post" action="/identify" enctype="multipart/form-data">
<input type="file" name="photo" accept="image/*" required> <button>Identify</button></form>
<p><a href="/people">People</a> · <a href="/metrics">Metrics</a> · <a href="/ready">Ready</a></p>`

/** What a client may know of a verdict: no embeddings, no exact numbers. */
const summary = ({ decision, score, reasons, timings }) => ({
  decision,
  score: Number(score?.value.toFixed(2)),
  sigma: Number(score?.sigma.toFixed(2)),
  method: score?.method,
  reasons: reasons.map(({ code, advice }) => ({ code, advice })),
  gateMs: Math.round(timings.totalMs),
})

/** A service that enrols people and identifies them with Human, behind the gate; people live in memory. */
export async function startServer({ port = 3000, host = '127.0.0.1' } = {}) {
  const gate = await createGate()
  const matcher = human(await loadHuman())
  const guarded = guard(matcher, gate)
  const app = express()

  app.get('/', (_req, res) => void res.type('html').send(PAGE))
  app.get('/people', (_req, res) => void res.json([...matcher.gallery].map(({ subject }) => subject)))
  app.put('/people/:name', faceQuality(gate, { purpose: 'enrolment' }), async (req, res) => {
    const { subject, verdict } = await guarded.enrol(req.params.name, getFaceQuality(req))
    res.status(201).json({ subject, ...summary(verdict) })
  })
  app.post('/identify', faceQuality(gate), async (req, res) => {
    const { verdict, candidates } = await guarded.identify(getFaceQuality(req), { limit: 1 })
    const people = candidates.map(({ source, ...candidate }) => candidate)
    res.json({ ...summary(verdict), candidates: people })
  })
  app.get('/metrics', metricsHandler(gate, { matcherName: matcher.name }))
  app.get('/ready', readyHandler(gate))
  app.use(problemHandler())

  const server = app.listen(port, host)
  await new Promise((done, failed) => server.once('listening', done).once('error', failed))
  const close = () => Promise.all([new Promise((done) => server.close(done)), gate.close()])
  return { url: `http://${host}:${server.address().port}`, close }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === resolve(process.argv[1])) {
  const { url } = await startServer({ port: Number(process.env.PORT ?? 3000), host: process.env.HOST })
  console.log(`Open ${url}, or: curl -T face.jpg ${url}/people/ada; curl -F photo=@other.jpg ${url}/identify`)
}
