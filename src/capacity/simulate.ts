import { EscalationBudget } from '../gate/budget.ts'
import { AdmissionQueue, type QueueEntry } from '../inference/admission.ts'
import type { TaskKind } from '../inference/backend.ts'
import { ServiceTime } from '../inference/service-time.ts'
import { Processor } from './processor.ts'
import type { CapacityProfile } from './profile.ts'
import { draw, meanOf } from './quantiles.ts'
import { Timers } from './timers.ts'

export interface Probe {
  /** Instant in milliseconds, not before that of the probe before. */
  readonly at: number
  /** The fast score does not settle it. */
  readonly uncertain: boolean
}

/** One process with one gate, as its options name it. */
export interface Instance {
  readonly cores: number
  readonly workers: number
  /** @default 32 × workers */
  readonly maxQueue?: number
  /** Of the gate, milliseconds. @default 2000 */
  readonly deadlineMs?: number
  /** Share of the photos that may be looked at twice. @default 1 */
  readonly escalationBudget?: number
  /** Work of another process on the same cores for each probe, such as that of whoever sends them, milliseconds. @default 0 */
  readonly besideMs?: number
}

export interface Outcome {
  /** The probe's own. */
  readonly at: number
  readonly done: number
  readonly answer: 'verdict' | 'shed' | 'late'
  /** What came of the second look, where one was wanted and the fast score was there. */
  readonly second?: 'done' | 'skipped'
}

interface Request {
  readonly probe: Probe
  readonly deadline: number
  answered: boolean
}

interface Work extends QueueEntry {
  readonly request: Request
  startedAt: number
  /** Answered or given up, whether or not a thread still works on it. */
  over: boolean
}

/** What threads other than the workers are called. */
type Thread = Work | 'main' | 'beside'

/** Of gate/escalator.ts. */
const RESERVE_MS = 50

/**
 * Plays a stream of probes through one instance: discrete events, the gate's own queue and budget under a clock that jumps, durations drawn
 * from the profile, cores shared by the threads that have work. What the gate does beside that (cache, photos in flight twice, crashes,
 * clients that leave) is left out.
 *
 * @param random - uniform in 0..1; the same numbers give the same outcomes
 */
export function simulate(
  probes: Iterable<Probe>,
  instance: Instance,
  profile: CapacityProfile,
  random: () => number,
): Outcome[] {
  return new Simulation(instance, profile, random).run(probes)
}

class Simulation {
  readonly #profile: CapacityProfile
  readonly #random: () => number
  readonly #deadlineMs: number
  readonly #besideMs: number
  readonly #queue: AdmissionQueue<Work>
  readonly #budget: EscalationBudget
  readonly #processor: Processor<Thread>
  readonly #deadlines = new Timers<Work>()
  readonly #fullTime = new ServiceTime()
  readonly #outcomes: Outcome[] = []
  #now = 0

  constructor(instance: Instance, profile: CapacityProfile, random: () => number) {
    const { cores, workers, maxQueue = 32 * workers, deadlineMs = 2000, escalationBudget = 1, besideMs = 0 } = instance
    this.#profile = profile
    this.#random = random
    this.#deadlineMs = deadlineMs
    this.#besideMs = besideMs
    this.#processor = new Processor({ cores, crowding: profile.crowding })
    this.#budget = new EscalationBudget(escalationBudget)
    this.#fullTime.add(meanOf(profile.fullMs))
    const maxFull = Math.max(1, workers - 1)
    this.#queue = new AdmissionQueue<Work>({
      workers,
      maxQueue,
      maxFull,
      maxFullQueue: 2 * workers,
      now: () => this.#now,
      random,
    })
    this.#queue.threads = workers
  }

  run(probes: Iterable<Probe>): Outcome[] {
    const coming = probes[Symbol.iterator]()
    let probe = coming.next()
    for (;;) {
      const arrival = probe.done ? Number.POSITIVE_INFINITY : probe.value.at
      const to = Math.min(arrival, this.#processor.next, this.#deadlines.next)
      if (to === Number.POSITIVE_INFINITY) return this.#outcomes
      // Deadlines of work that is over may lie behind the last probe's.
      this.#now = Math.max(this.#now, to)
      for (const thread of this.#processor.advance(this.#now)) if (typeof thread === 'object') this.#finish(thread)
      for (let late = this.#deadlines.take(this.#now); late; late = this.#deadlines.take(this.#now)) this.#expire(late)
      if (!probe.done && probe.value.at <= this.#now) {
        this.#arrive(probe.value)
        probe = coming.next()
      }
      this.#pump()
    }
  }

  #arrive(probe: Probe): void {
    const request: Request = { probe, deadline: this.#now + this.#deadlineMs, answered: false }
    this.#processor.add('beside', this.#besideMs)
    const { mainMs } = this.#profile
    const taken = this.#add('fast', request.deadline, request)
    this.#processor.add('main', taken ? mainMs.photo : mainMs.shed)
    if (!taken) this.#answer(request, 'shed')
  }

  #add(kind: TaskKind, deadline: number, request: Request): boolean {
    const work: Work = { kind, deadline, request, startedAt: Number.NaN, over: false }
    try {
      this.#queue.add(work)
    } catch {
      return false
    }
    this.#deadlines.add(work.deadline, work)
    return true
  }

  #pump(): void {
    for (let work = this.#queue.take(); work; work = this.#queue.take()) {
      if (this.#queue.hopeless(work)) {
        this.#queue.finish(work, false)
        this.#expire(work)
        continue
      }
      work.startedAt = this.#now
      this.#processor.add(work, this.#duration(work))
    }
  }

  #duration({ kind, request }: Work): number {
    const { certainMs, uncertainMs, fullMs } = this.#profile
    const fast = request.probe.uncertain ? uncertainMs : certainMs
    return draw(kind === 'full' ? fullMs : fast, this.#random)
  }

  #finish(work: Work): void {
    this.#queue.finish(work, !work.over)
    if (work.over) return
    work.over = true
    const { request, kind } = work
    if (kind === 'full') {
      this.#fullTime.add(this.#now - work.startedAt)
      this.#answer(request, 'verdict', 'done')
      return
    }
    this.#budget.earn()
    if (!request.probe.uncertain) this.#answer(request, 'verdict')
    else if (!this.#lookAgain(request)) this.#answer(request, 'verdict', 'skipped')
  }

  /** The rules of gate/escalator.ts. */
  #lookAgain(request: Request): boolean {
    const deadline = request.deadline - Math.min(RESERVE_MS, (request.deadline - this.#now) / 10)
    const { meanMs } = this.#fullTime
    if (this.#now + meanMs > deadline) {
      this.#fullTime.add(meanMs / 2)
      return false
    }
    if (!this.#budget.available || !this.#add('full', deadline, request)) return false
    this.#budget.take()
    return true
  }

  #expire(work: Work): void {
    if (work.over) return
    work.over = true
    // A thread that works on it goes on until it notices.
    this.#queue.remove(work)
    if (work.kind === 'full') this.#answer(work.request, 'verdict', 'skipped')
    else this.#answer(work.request, 'late')
  }

  #answer(request: Request, answer: Outcome['answer'], second?: NonNullable<Outcome['second']>): void {
    if (request.answered) return
    request.answered = true
    const { at } = request.probe
    const { httpMs } = this.#profile
    this.#outcomes.push({ at, done: this.#now + httpMs, answer, ...(second && { second }) })
  }
}
