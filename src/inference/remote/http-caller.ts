import * as http from 'node:http'
import * as https from 'node:https'
import { DiffiqaError } from '../../errors.ts'
import { invalidAnswer, unavailable } from './remote-errors.ts'

export interface TlsOptions {
  /** Certificates of the authorities to trust, PEM. @default Node's own list */
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  /** Certificate and key of this client, PEM, where the server asks for one. */
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
}

export interface HttpCallerOptions {
  /** Its path is put before that of each call. */
  readonly url: URL
  /** Sent with each call: authorisation, tracing. */
  readonly headers: Readonly<Record<string, string>>
  readonly tls: TlsOptions
  /** Connections kept open. */
  readonly connections: number
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  readonly signal: AbortSignal
}

export interface HttpAnswer {
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

/** A batch of 64 restored faces as JSON is about 48 MB. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20
/** How much of an error's text is kept, in the cause. */
const MAX_ERROR_TEXT = 300

/**
 * Plain calls of one server over connections that are kept. Redirects are never followed, wherever they point: the tensors and the
 * authorisation are meant for this server.
 */
export class HttpCaller {
  readonly #options: HttpCallerOptions
  readonly #secure: boolean
  readonly #agent: http.Agent
  readonly #prefix: string

  constructor(options: HttpCallerOptions) {
    const { url, tls, connections } = options
    this.#options = options
    this.#secure = url.protocol === 'https:'
    const keep = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections }
    const { ca, cert, key } = tls
    this.#agent = this.#secure
      ? new https.Agent({
          ...keep,
          ...(ca !== undefined && { ca: ca as string | Buffer | (string | Buffer)[] }),
          ...(cert !== undefined && { cert }),
          ...(key !== undefined && { key }),
        })
      : new http.Agent(keep)
    this.#prefix = url.pathname.replace(/\/$/, '')
  }

  /**
   * @returns an answer of status 200
   * @throws DiffiqaError `inference-unavailable` (details.reason `connection`, `timeout` when the signal fired, `overloaded` for 429 and
   * 503, `status` for other 5xx), `inference-untrusted` for TLS, `inference-refused` for other statuses (details.httpStatus),
   * `inference-invalid-answer` (details.reason `not-http`, `redirect`, `too-large`, `truncated`)
   */
  call({ method, path, headers = {}, body, signal }: HttpRequest): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const { url, headers: own } = this.#options
      const request = (this.#secure ? https : http).request({
        protocol: url.protocol,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        method,
        path: `${this.#prefix}${path}`,
        headers: { accept: 'application/json, application/octet-stream', ...own, ...headers, ...lengthOf(body) },
        agent: this.#agent,
        signal,
      })
      request.on('error', (cause) =>
        reject(signal.aborted ? unavailable('timeout', { cause }) : connectionError(cause)),
      )
      request.on('response', (response) => {
        read(response).then(resolve, (error) => {
          response.destroy()
          reject(signal.aborted ? unavailable('timeout', { cause: error }) : error)
        })
      })
      request.end(body)
    })
  }

  /** Ends the connections, those in use too. */
  close(): void {
    this.#agent.destroy()
  }
}

const lengthOf = (body: Buffer | undefined) => (body ? { 'content-length': String(body.length) } : {})

async function read(response: http.IncomingMessage): Promise<HttpAnswer> {
  const status = response.statusCode ?? 0
  if (status >= 300 && status < 400) {
    throw invalidAnswer('redirect', 'The inference server redirects, which is not followed', {
      details: { httpStatus: status },
    })
  }
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > MAX_ANSWER_BYTES) throw invalidAnswer('too-large', 'The answer has too many bytes')
      chunks.push(chunk)
    }
  } catch (cause) {
    if (cause instanceof DiffiqaError) throw cause
    throw invalidAnswer('truncated', 'The connection ended within the answer', { cause })
  }
  const body = Buffer.concat(chunks)
  if (status === 200) return { headers: response.headers, body }
  const cause = new Error(`Status ${status}: ${body.toString('utf8', 0, MAX_ERROR_TEXT)}`)
  const details = { httpStatus: status }
  if (status === 429 || status === 503) throw unavailable('overloaded', { cause, details })
  if (status >= 500) throw unavailable('status', { cause, details })
  throw new DiffiqaError('inference-refused', `The inference server answered ${status}`, { cause, details })
}

/** OpenSSL's and Node's names for certificates that do not convince, and for speaking TLS to who does not. */
const TLS_CODES = /CERT|SELF_SIGNED|UNABLE_TO|^ERR_SSL|^ERR_TLS|^EPROTO$/

function connectionError(cause: Error): DiffiqaError {
  const code = 'code' in cause ? String(cause.code) : ''
  // Of Node's parser: a port of gRPC, mail or anything else.
  if (code.startsWith('HPE_')) return invalidAnswer('not-http', 'What answers does not speak HTTP/1.1', { cause })
  if (!TLS_CODES.test(code)) return unavailable('connection', { cause })
  return new DiffiqaError('inference-untrusted', `No trusted connection to the inference server (${code})`, {
    cause,
    details: { tls: code },
  })
}
