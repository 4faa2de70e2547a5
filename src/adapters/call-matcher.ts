import { DiffiqaError } from '../errors.ts'
import type { GateEvents } from '../gate/events.ts'
import type { Gate } from '../gate/gate.ts'
import { orAbort } from './or-abort.ts'
import { matcherError } from './sdk-error.ts'

type MatcherEvent = GateEvents['matcher']

export interface MatcherCall {
  readonly gate: Gate
  readonly matcher: string
  /** Undefined: not reported (`embed` compares nothing). */
  readonly operation: MatcherEvent['operation'] | undefined
  readonly purpose: MatcherEvent['purpose']
  readonly signal: AbortSignal | undefined
}

/** The scores an answer is reported with. */
export interface Scores {
  readonly rawScore?: number
  readonly adjustedScore?: number
}

/**
 * Call the SDK once, time it, report it. What it throws is the `cause` of a typed error, unless its adapter made it one already; an abort
 * ends the wait even where the SDK does not listen to the signal. An `AbortSignal.timeout()` that fires is the matcher's failure, not the
 * caller's.
 * @param read Checks the answer and makes the result of it.
 */
export async function callMatcher<A, R>(
  call: MatcherCall,
  ask: () => Promise<A>,
  read: (answer: A) => { readonly result: R; readonly scores?: Scores },
): Promise<R> {
  const start = performance.now()
  const report = (outcome: MatcherEvent['outcome'], durationMs: number, scores: Scores = {}): void =>
    reportCall(call, outcome, durationMs, scores)
  let answer: A
  try {
    answer = await orAbort(ask, call.signal)
  } catch (error) {
    const aborted = call.signal?.aborted === true && !isTimeout(call.signal.reason)
    report(aborted ? 'aborted' : 'error', performance.now() - start)
    throw aborted ? new DiffiqaError('aborted', undefined, { cause: error }) : matcherError(call.matcher, error)
  }
  const durationMs = performance.now() - start
  try {
    const { result, scores } = read(answer)
    report('ok', durationMs, scores)
    return result
  } catch (error) {
    report('error', durationMs)
    throw error
  }
}

const isTimeout = (reason: unknown): boolean => reason instanceof Error && reason.name === 'TimeoutError'

/** Tell of a call, or of one that was not made (`withheld`). */
export function reportCall(
  { gate, matcher, operation, purpose }: MatcherCall,
  outcome: MatcherEvent['outcome'],
  durationMs: number,
  scores: Scores = {},
): void {
  if (operation) gate.emit('matcher', { matcher, operation, outcome, durationMs, purpose, ...scores })
}
