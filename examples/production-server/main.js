// Starts one process: what the container of deploy/Dockerfile does.
import { startServer } from './server.js'
import { onSignal, settings } from './settings.js'

const { settleMs, ...rest } = settings
const server = await startServer(rest)
onSignal(() => server.close({ settleMs }))
console.log(`Listening at port ${server.port}; /live, /ready and /metrics at port ${server.opsPort}`)
