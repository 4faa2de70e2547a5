import { DiffiqaError, type ErrorCode, isDiffiqaError } from '../errors.ts'
import type { AlignedFace } from '../face/types.ts'
import type { InferenceBackend } from '../inference/backend.ts'
import { ServiceTime } from '../inference/service-time.ts'
import type { AssessRequest } from './assess-request.ts'
import type { EscalationBudget } from './budget.ts'
import type { FullLook } from './full-look.ts'
import type { Look } from './photo-scorer.ts'
import type { ScoreCache } from './score-cache.ts'
import { SingleFlight } from './single-flight.ts'
import type { Escalation } from './types.ts'
import type { FullAnswer } from './worker-tasks.ts'

/** What became of the second look at one face. */
export type SecondLook =
  | { readonly answer: FullAnswer; readonly queueMs: number; readonly serviceMs: number }
  | {
      readonly answer?: undefined
      readonly skipped: Extract<Escalation, 'skipped-budget' | 'skipped-deadline' | 'failed'>
      readonly failure?: ErrorCode
    }

export interface EscalatorOptions {
  readonly backend: InferenceBackend
  readonly look: FullLook
  readonly budget: EscalationBudget
  readonly cache: ScoreCache | undefined
  /** Tell other processes of a photo whose full score was just remembered. */
  readonly share: (key: string) => void
  /** What one full score took at the start, milliseconds. */
  readonly firstFullMs: number
}

/** Kept back of the time that is left, so that the fast score can still be answered in time: a tenth, at most this. */
const RESERVE_MS = 50

/** The second, slower look: full DifFIQA within budget and deadline. Its failure is never the assessment's: the fast score stands. */
export class Escalator {
  readonly #options: EscalatorOptions
  readonly #fullTime = new ServiceTime()
  readonly #flights = new SingleFlight<{ answer: FullAnswer; queueMs: number; serviceMs: number }>()

  constructor(options: EscalatorOptions) {
    this.#options = options
    this.#fullTime.add(options.firstFullMs)
  }

  /** @throws DiffiqaError `aborted` by the request's own signal; nothing else. */
  async escalate(look: Look, index: number, request: AssessRequest): Promise<SecondLook> {
    const face = look.scored[index]
    if (face?.full) return { answer: face.full, queueMs: 0, serviceMs: 0 }
    const { pixels } = face?.aligned ?? {}
    if (!face || !pixels) return { skipped: 'skipped-budget' }
    const remainingMs = request.deadline - performance.now()
    const deadline = request.deadline - Math.min(RESERVE_MS, remainingMs / 10)
    const key = `${look.key}:${index}`
    if (!this.#flights.has(key)) {
      const obstacle = this.#obstacle(deadline, request.full)
      if (obstacle) return obstacle
    }
    try {
      return await this.#flights.join(key, { deadline, signal: request.signal }, async (signal) => {
        const { value, queueMs, serviceMs } = await this.#options.look(
          // A face with pixels has the rest as well.
          { ...(face.aligned as AlignedFace), pixels },
          { deadline, signal },
        )
        this.#fullTime.add(serviceMs)
        this.#options.cache?.addFull(look.key, index, value)
        this.#options.share(look.key)
        return { answer: value, queueMs, serviceMs }
      })
    } catch (error) {
      if (request.signal?.aborted) throw new DiffiqaError('aborted', undefined, { cause: request.signal.reason })
      return skippedBy(error)
    }
  }

  /** What forbids a full score now; takes a token when nothing does. */
  #obstacle(deadline: number, forced: boolean): SecondLook | undefined {
    const { backend, budget } = this.#options
    // Time first: a look that is skipped for want of it costs no token.
    const { meanMs } = this.#fullTime
    if (performance.now() + meanMs > deadline) {
      // What is never tried is never measured again: forget slowly, or one slow start would end all escalation.
      this.#fullTime.add(meanMs / 2)
      return { skipped: 'skipped-deadline' }
    }
    if (!forced && !budget.available) return { skipped: 'skipped-budget' }
    try {
      backend.admit('full', deadline)
    } catch (error) {
      return skippedBy(error)
    }
    if (!forced) budget.take()
    return undefined
  }
}

function skippedBy(error: unknown): SecondLook {
  if (!isDiffiqaError(error)) return { skipped: 'failed', failure: 'scoring-failed' }
  if (error.code === 'deadline-exceeded') return { skipped: 'skipped-deadline' }
  if (error.code === 'queue-full')
    return { skipped: error.details.reason === 'deadline' ? 'skipped-deadline' : 'skipped-budget' }
  return { skipped: 'failed', failure: error.code }
}
