// One of the processes of cluster.js.
import { createMetrics } from 'express-diffiqa/metrics'
import { startServer } from './server.js'
import { settings } from './settings.js'

const { port, host, gate } = settings
const server = await startServer({ port, host, gate })
const { register } = createMetrics(server.gate)

// A signal to the whole group, as Ctrl-C sends it, is for cluster.js to act on.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {})
process.on('disconnect', () => process.exit(1))
process.on('message', async ({ askMetrics, close }) => {
  if (askMetrics) process.send({ metrics: await register.getMetricsAsJSON() })
  if (close) {
    await server.close(close)
    // Its last numbers: nothing is counted any more.
    process.send({ metrics: await register.getMetricsAsJSON() }, () => process.exit(0))
  }
})
process.send({ ready: true, port: server.port })
