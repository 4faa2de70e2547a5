import type { ProblemDetails } from '../../plugin/problem.ts'
import type { AssessAnswer, ExplainAnswer, RateAnswer, SettingsAnswer } from '../wire.ts'

/** What the page shows of a failure: the server's problem details, or the same shape for a server that did not answer. */
export type Problem = Pick<ProblemDetails, 'title' | 'detail' | 'reasons'> & {
  readonly code: string
  readonly status: number
}

export class ApiError extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.title)
    this.problem = problem
  }
}

const UNREACHABLE: Problem = {
  code: 'unreachable',
  status: 0,
  title: 'The server does not answer',
  detail: 'Check that it runs, then try again.',
}

/** The console sits behind the application's login; whoever is logged out gets a login page, or is sent to one. */
const LOGGED_OUT: Pick<Problem, 'title' | 'detail'> = {
  title: 'The server did not let this request through',
  detail: 'If you were logged out, log in again and load this page anew.',
}

/** 200 is a login page; 0 what a redirection looks like. */
const MAYBE_LOGGED_OUT = new Set([0, 200, 401, 403])

const MAX_TRIES = 20
const pause = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000))

async function problemOf(response: Response): Promise<Problem> {
  const { status, headers } = response
  if (headers.get('content-type')?.includes('problem+json')) return await response.json()
  const what = MAYBE_LOGGED_OUT.has(status) ? LOGGED_OUT : { title: `The server answered ${status}`, detail: '' }
  return { code: 'http', status, ...what }
}

const isJson = ({ ok, headers }: Response): boolean =>
  ok && (headers.get('content-type')?.startsWith('application/json') ?? false)

/** One request; a server that is busy is asked again when it says so. */
async function call<T>(path: string, init: RequestInit = {}): Promise<T> {
  for (let tries = 1; ; tries++) {
    let response: Response
    try {
      response = await fetch(`api/${path}`, { ...init, cache: 'no-store', redirect: 'manual' })
    } catch (error) {
      if (init.signal?.aborted) throw error
      throw new ApiError(UNREACHABLE)
    }
    if (isJson(response)) return (await response.json()) as T
    const problem = await problemOf(response)
    if (problem.code !== 'queue-full' || tries === MAX_TRIES) throw new ApiError(problem)
    await pause(Number(response.headers.get('retry-after') ?? 1))
  }
}

const post = <T>(path: string, body: BodyInit, signal?: AbortSignal): Promise<T> =>
  call(path, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/octet-stream' },
    ...(signal && { signal }),
  })

export const getSettings = (): Promise<SettingsAnswer> => call('settings')
export const getRate = (): Promise<RateAnswer> => call('rate')
export const assess = (photo: Blob, full: boolean, signal?: AbortSignal): Promise<AssessAnswer> =>
  post(`assess?full=${full}`, photo, signal)
export const explain = (crop: Uint8Array<ArrayBuffer>): Promise<ExplainAnswer> => post('explain', crop)

/** The server takes two photos at once. */
const AT_ONCE = 2
const waiting: (() => void)[] = []
let running = 0

/** Do the work when its turn has come. */
export async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go))
  running++
  try {
    return await work()
  } finally {
    running--
    waiting.shift()?.()
  }
}
