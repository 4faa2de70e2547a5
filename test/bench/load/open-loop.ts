import { Agent, request } from 'node:http'
import { type Answer, type Load, retryAfterOf } from './answers.ts'
import { poissonArrivals } from './arrivals.ts'
import { marked, type Probes } from './probes.ts'

const HEADERS = { 'content-type': 'image/jpeg' }
const TIMEOUT_MS = 10_000

/**
 * Sends photos when they are due, however many answers are outstanding, each on a connection of its own if need be; latency counts from the
 * due instant, so that a stalled service is not spared the requests that would have come meanwhile.
 */
export async function openLoop(url: string, load: Load, probes: Probes): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 512 })
  const { perSecond = 1, warmSeconds, seconds, uncertain, seed } = load
  const arrivals = poissonArrivals(seed, perSecond, warmSeconds + seconds, uncertain)
  const begun = performance.now()
  const now = (): number => performance.now() - begun
  const answers: Promise<Answer>[] = []
  for (const [i, arrival] of arrivals.entries()) {
    const wait = arrival.at - now()
    if (wait > 0) await new Promise((done) => setTimeout(done, wait))
    const photos = arrival.uncertain ? probes.uncertain : probes.certain
    answers.push(send(url, agent, marked(photos[i % photos.length] as Buffer, i), arrival.at, now))
  }
  const all = await Promise.all(answers)
  agent.destroy()
  return all
}

function send(url: string, agent: Agent, body: Buffer, due: number, now: () => number): Promise<Answer> {
  const lag = now() - due
  return new Promise((resolve) => {
    const settle = (status: number, retryAfter?: string): void =>
      resolve({ due, done: now(), lag, status, ...(status === 503 && { retryAfter: retryAfterOf(retryAfter) }) })
    const headers = { ...HEADERS, 'content-length': body.length }
    const req = request(url, { method: 'POST', agent, headers, timeout: TIMEOUT_MS }, (res) => {
      res
        .on('end', () => settle(res.statusCode ?? 0, res.headers['retry-after']))
        .on('error', () => settle(0))
        .resume()
    })
    req.on('error', () => settle(0)).on('timeout', () => req.destroy())
    req.end(body)
  })
}
