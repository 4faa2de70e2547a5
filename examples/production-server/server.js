// One process of a service in production: the gate in front of a matcher of yours, an address for operators only, and an end that loses no
// request. Alone it is what deploy/ runs, one to a pod; cluster.js runs several on one machine.
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { createGate } from 'express-diffiqa'
import { faceQuality, getFaceQuality, metricsHandler, problemHandler, readyHandler } from 'express-diffiqa/express'

const listen = async (app, port, host) => {
  const server = app.listen(port, host)
  await new Promise((done, failed) => server.once('listening', done).once('error', failed))
  return server
}

/**
 * @param opsPort Where operators ask: `/live`, `/ready`, `/metrics`. Undefined: nowhere, since cluster.js answers for its processes.
 */
export async function startServer({ port, opsPort, host, gate: gateOptions = {} }) {
  const gate = await createGate(gateOptions)
  let leaving = false
  let ready = true

  const app = express()
  app.disable('x-powered-by')
  // A client that is told so opens its next connection elsewhere; one that finds it closed has lost its request.
  const unanswered = new Set()
  const endConnection = (res) => !res.headersSent && res.set('Connection', 'close')
  app.use((_req, res, next) => {
    if (leaving) endConnection(res)
    unanswered.add(res)
    res.once('close', () => unanswered.delete(res))
    next()
  })
  app.post('/check', faceQuality(gate), (req, res) => {
    // In place of this: hand the photo to your matcher, through guard() (docs/adapters).
    const { decision, weight } = getFaceQuality(req).verdict
    res.json({ decision, weight, process: process.pid })
  })
  app.use(problemHandler())

  const ops = express()
  // Answered by the event loop alone: whoever restarts a process that does not answer must not restart one that has much to do.
  ops.get('/live', (_req, res) => void res.json({ live: true }))
  ops.get('/ready', (_req, res, next) => (ready ? next() : res.status(503).json({ ready })), readyHandler(gate))
  ops.get('/metrics', metricsHandler(gate))

  const server = await listen(app, port, host)
  const opsServer = opsPort === undefined ? undefined : await listen(ops, opsPort, host)

  /**
   * Ends without losing a request. For `settleMs` everything goes on, but each answer ends its connection, so that clients and load
   * balancers turn away; then what has begun is finished, for at most `drainMs`. Metrics and probes are answered until the end.
   * @param stayReady Is another process taking over at the same address? Else `/ready` says 503 from now on.
   */
  async function close({ settleMs = 5000, drainMs = 20_000, stayReady = false } = {}) {
    leaving = true
    ready = stayReady
    unanswered.forEach(endConnection)
    await sleep(settleMs)
    const cut = setTimeout(() => server.closeAllConnections(), drainMs)
    await new Promise((done) => server.close(done))
    clearTimeout(cut)
    await gate.close()
    opsServer?.closeAllConnections()
    opsServer?.close()
  }

  return { gate, port: server.address().port, opsPort: opsServer?.address().port, close }
}
