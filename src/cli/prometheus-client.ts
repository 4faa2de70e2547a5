import { printable } from './printable.ts'

export interface PrometheusSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const TIMEOUT_MS = 60_000

/**
 * The value of an expression now.
 * @param server Of Prometheus, or of whatever speaks its HTTP API, also below a path.
 * @throws Error with a `code` when there is no answer, or an error for one.
 */
export async function instantQuery(server: URL, expression: string): Promise<PrometheusSample[]> {
  const url = new URL(`${server.pathname.replace(/\/$/, '')}/api/v1/query`, server)
  url.search = new URLSearchParams({ query: expression }).toString()
  // Names and passwords in the address are for this server only; fetch refuses them there.
  const { username, password } = server
  Object.assign(url, { username: '', password: '' })
  const headers: Record<string, string> = {}
  if (username !== '' || password !== '') {
    const account = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    headers.Authorization = `Basic ${Buffer.from(account).toString('base64')}`
  }
  let status: number
  let text: string
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
    status = response.status
    text = await response.text()
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const reason =
      cause instanceof Error && 'code' in cause && cause.code !== undefined ? String(cause.code) : String(cause)
    throw failure(`${url.origin} does not answer (${reason})`)
  }
  return readAnswer(url.origin, status, text)
}

interface Answer {
  readonly status?: unknown
  readonly error?: unknown
  readonly data?: { readonly resultType?: unknown; readonly result?: unknown }
}

function readAnswer(origin: string, status: number, text: string): PrometheusSample[] {
  let answer: Answer
  try {
    answer = JSON.parse(text)
  } catch {
    throw failure(`${origin} answers with status ${status} and no JSON: is it a Prometheus?`)
  }
  if (answer?.status === 'error') throw failure(`${origin}: ${printable(String(answer.error))}`)
  const result = answer?.data?.result
  if (answer?.status !== 'success' || answer.data?.resultType !== 'vector' || !Array.isArray(result))
    throw failure(`${origin} answers with status ${status} and something else than a vector: is it a Prometheus?`)
  return result.map(({ metric, value }) => ({ labels: metric ?? {}, value: Number(value?.[1]) }))
}

const failure = (message: string): Error => Object.assign(new Error(message), { code: 'prometheus' })
