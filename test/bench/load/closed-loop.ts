import autocannon from 'autocannon'
import { seededRandom } from '../../../src/evaluation/seeded-random.ts'
import { type Answer, isVerdict, type Load, retryAfterOf } from './answers.ts'
import { marked, type Probes } from './probes.ts'

/** Autocannon's clients of a fixed rate all send at the beginning of a second: they are started in groups over one. */
const GROUPS = 10

/**
 * Autocannon's clients, each of which waits for its answer before it sends again: as soon as it comes, or with `perSecond` at most one photo a
 * second each.
 */
export async function closedLoop(url: string, load: Load, probes: Probes): Promise<Answer[]> {
  const { perSecond, clients = 1, warmSeconds, seconds, uncertain, seed, verdicts = Number.POSITIVE_INFINITY } = load
  const random = seededRandom(seed)
  const begun = performance.now()
  const now = (): number => performance.now() - begun
  const answers: Answer[] = []
  const cannons: autocannon.Instance[] = []
  let [sent, left] = [0, verdicts]

  const record = (answer: Answer): void => {
    answers.push(answer)
    if (isVerdict(answer) && --left <= 0) for (const one of cannons) one.stop()
  }
  const nextPhoto = (): Buffer => {
    const photos = random.uniform() < uncertain ? probes.uncertain : probes.certain
    return marked(photos[sent % photos.length] as Buffer, sent++)
  }
  const cannon = (connections: number, duration: number): Promise<void> => {
    const options: autocannon.Options = {
      url,
      connections,
      duration,
      timeout: 10,
      ...(perSecond !== undefined && { connectionRate: 1 }),
      setupClient: (client) => {
        let retryAfter: string | undefined
        const quiet = client as unknown as NodeJS.EventEmitter
        quiet.on('headers', ({ headers }: { headers: string[] }) => {
          const at = headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === 'retry-after')
          retryAfter = at < 0 ? undefined : headers[at + 1]
        })
        quiet.on('response', (status: number, _bytes: number, ms: number) => {
          const done = now()
          const shed = status === 503 && { retryAfter: retryAfterOf(retryAfter) }
          record({ due: done - ms, done, lag: 0, status, ...shed })
        })
      },
      requests: [
        {
          method: 'POST',
          headers: { 'content-type': 'image/jpeg' },
          setupRequest: (req) => ({ ...req, body: nextPhoto() }),
        },
      ],
    }
    return new Promise((resolve, reject) => {
      const instance = autocannon(options, (error) => {
        if (error) reject(error)
        else resolve()
      })
      instance.on('reqError', () => record({ due: now(), done: now(), lag: 0, status: 0 }))
      cannons.push(instance)
    })
  }
  const end = warmSeconds + seconds
  if (perSecond === undefined) {
    await cannon(clients, end)
    return answers
  }
  const all = Math.max(1, Math.round(perSecond))
  const groups = Math.min(GROUPS, all)
  await Promise.all(
    Array.from({ length: groups }, async (_, i) => {
      await new Promise((done) => setTimeout(done, (1000 * i) / groups))
      await cannon(Math.floor(all / groups) + (i < all % groups ? 1 : 0), end - i / groups)
    }),
  )
  return answers
}
