import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'
import { UsageError } from '../usage-error.ts'

export interface MetricsAddress {
  readonly host: string
  readonly port: number
}

/** `PORT` or `HOST:PORT`. @throws UsageError */
export function parseMetricsAddress(text: string): MetricsAddress {
  const [, host = '127.0.0.1', digits] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535)
    throw new UsageError(`option --metrics must be PORT or HOST:PORT, not ${text}`)
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port }
}

/** Answers GET /metrics, and nothing else. */
export class MetricsServer implements AsyncDisposable {
  readonly #server: Server
  readonly url: string

  private constructor(server: Server) {
    const { address, port, family } = server.address() as AddressInfo
    this.#server = server
    this.url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/metrics`
  }

  /** @throws the error of the system where the port is taken */
  static async open(register: Registry, { host, port }: MetricsAddress): Promise<MetricsServer> {
    const server = createServer(async (request, response) => {
      if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
        response.writeHead(404).end()
        return
      }
      try {
        const text = await register.metrics()
        response.writeHead(200, { 'content-type': register.contentType }).end(text)
      } catch {
        response.writeHead(500).end()
      }
    })
    server.listen(port, host)
    await once(server, 'listening')
    // The work ends the process, not its metrics.
    server.unref()
    return new MetricsServer(server)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
