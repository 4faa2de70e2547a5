// The gate with its quality console, on this machine only: open the address, drop photos.
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { createGate } from 'express-diffiqa'
import { faceQualityConsole } from 'express-diffiqa/console'
import { faceQuality, getFaceQuality, metricsHandler, problemHandler, readyHandler } from 'express-diffiqa/express'

/** A service with one gated route, so that the console's strip has something to show, and the console beside it. */
export async function startServer({ port = 3000, host = '127.0.0.1', gate: gateOptions = {} } = {}) {
  const gate = await createGate(gateOptions)
  const app = express()

  // The console tells exact scores: where others can reach it, put authentication in front of it, as in
  // app.use('/console', requireOperator, faceQualityConsole(gate))
  app.use('/console', faceQualityConsole(gate))
  app.get('/', (_req, res) => res.redirect('/console/'))
  app.post('/check', faceQuality(gate), (req, res) => {
    const { decision, weight } = getFaceQuality(req).verdict
    res.json({ decision, weight })
  })
  app.get('/metrics', metricsHandler(gate))
  app.get('/ready', readyHandler(gate))
  app.use(problemHandler())

  const server = app.listen(port, host)
  await new Promise((done, failed) => server.once('listening', done).once('error', failed))
  const close = () => {
    server.closeAllConnections()
    return Promise.all([new Promise((done) => server.close(done)), gate.close()])
  }
  return { url: `http://${host}:${server.address().port}`, close }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === resolve(process.argv[1])) {
  const { url } = await startServer({ port: Number(process.env.PORT ?? 3000) })
  console.log(`Open ${url}/console/, or: curl -F photo=@face.jpg ${url}/check`)
}
