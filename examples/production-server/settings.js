const { PORT = '3000', OPS_PORT = '3001', HOST = '0.0.0.0', SETTLE_MS = '5000', WORKERS } = process.env

/** Of the environment, for server.js alone as for all processes of cluster.js. */
export const settings = {
  port: Number(PORT),
  opsPort: Number(OPS_PORT),
  host: HOST,
  settleMs: Number(SETTLE_MS),
  gate: { ...(WORKERS && { workers: Number(WORKERS) }) },
}

/** @param stop Ends the process in good order. Whoever asks twice wants it at once. */
export function onSignal(stop) {
  let asked = false
  for (const signal of ['SIGTERM', 'SIGINT'])
    process.on(signal, () => {
      if (asked) process.exit(1)
      asked = true
      stop().then(
        () => process.exit(0),
        (error) => {
          console.error(error)
          process.exit(1)
        },
      )
    })
}
