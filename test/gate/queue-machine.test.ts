import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DiffiqaError, type ErrorCode, isDiffiqaError } from '../../src/errors.ts'
import { GateCore } from '../../src/gate/gate-core.ts'
import { resolveOptions } from '../../src/gate/options.ts'
import type { Assessment } from '../../src/gate/types.ts'
import { TASKS } from '../../src/gate/worker-tasks.ts'
import type { Manifest } from '../../src/inference/manifest.ts'
import { loadManifest } from '../../src/inference/manifest-file.ts'
import { TaskScheduler } from '../../src/inference/task-scheduler.ts'
import { createMetrics, type GateMetrics } from '../../src/metrics/create-metrics.ts'
import { PuppetSlot } from '../inference/fixtures/puppet-slot.ts'
import { type Sample, scrape, sum } from '../metrics/series.ts'
import { testManifest } from '../quality/stand-ins.ts'
import { answerOf, fullAnswerOf, photo } from './puppet-gate.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.clearAllTimers()
  vi.useRealTimers()
})

// Under load the many small steps take their time.
vi.setConfig({ testTimeout: 120_000 })

const flush = () => vi.advanceTimersByTimeAsync(0)
const WATCHDOG_MS = 2000
const LOAD_MS = { detector: 1, embedder: 1, denoiser: 1, regressor: 1 }

interface Limits {
  readonly workers: number
  readonly maxQueue: number
  readonly maxFullQueue: number
}

interface Call {
  readonly text: string
  readonly controller: AbortController
  readonly deadline: number
  settled: number
  /** As the label of `diffiqa_request_duration_seconds` calls it; undefined until it is known. */
  outcome: string | undefined
  error: DiffiqaError | undefined
}

/** How many requests there were; what became of them is for the machine to say. */
interface Model {
  submitted: number
  refused: number
  closed: boolean
}

/** A gate over the real queue, whose threads are puppets, with its metrics. */
class Machine {
  readonly limits: Limits
  readonly gate: GateCore
  readonly scheduler: TaskScheduler
  readonly metrics: GateMetrics
  readonly slots: PuppetSlot[] = []
  readonly calls: Call[] = []
  /** Photos that admit() turned away. */
  readonly turnedAway: DiffiqaError[] = []
  closing: Promise<void> | undefined
  restarts = 0

  constructor(limits: Limits, manifest: Manifest) {
    this.limits = limits
    const { workers, maxQueue } = limits
    const options = resolveOptions({ workers, maxQueue, watchdogMs: WATCHDOG_MS, escalationBudget: 1 }, 2)
    this.scheduler = new TaskScheduler({
      ...limits,
      maxFull: options.maxFull,
      watchdogMs: WATCHDOG_MS,
      startTimeoutMs: 1000,
      createSlot: (onDeath) => {
        const slot = new PuppetSlot(onDeath)
        this.slots.push(slot)
        return slot
      },
    })
    this.gate = new GateCore({ options, manifest, backend: this.scheduler, warmUp: { loadMs: LOAD_MS, fullMs: 1 } })
    this.gate.on('worker-restart', () => this.restarts++)
    this.metrics = createMetrics(this.gate)
    for (const slot of this.slots) slot.load()
  }

  get alive(): PuppetSlot[] {
    return this.slots.filter((slot) => !slot.dead && !slot.stopped)
  }

  /** One of the living threads that are as wanted. */
  pick(at: number, wanted: (slot: PuppetSlot) => boolean): PuppetSlot | undefined {
    const fit = this.alive.filter(wanted)
    return fit[at % Math.max(1, fit.length)]
  }

  submit(text: string, deadlineMs: number, onFailure: 'reject' | 'pass'): void {
    const call: Call = {
      text,
      controller: new AbortController(),
      deadline: performance.now() + deadlineMs,
      settled: 0,
      outcome: undefined,
      error: undefined,
    }
    this.calls.push(call)
    const { signal } = call.controller
    this.gate.assess(photo(text), { deadlineMs, onFailure, signal }).then(
      ({ verdict }: Assessment) => {
        call.settled++
        call.outcome = verdict.degraded ? 'degraded' : verdict.decision.replace('-', '_')
      },
      (error: unknown) => {
        call.settled++
        if (!isDiffiqaError(error)) throw error
        call.error = error
        call.outcome = outcomeOf(error)
      },
    )
  }
}

function outcomeOf({ code, details }: DiffiqaError): string {
  if (code === 'no-face') return 'reject'
  if (code === 'aborted') return 'aborted'
  const isShed = ['queue-full', 'shutting-down', 'gate-closed'].includes(code)
  return isShed || (code === 'deadline-exceeded' && details.phase === 'queue') ? 'shed' : 'error'
}

/** What does not hold, though it should after every step. One comparison for all of it: there are ten thousands of steps. */
function broken({ limits, scheduler, calls, alive }: Machine): string[] {
  const { fast, full, workers } = scheduler.stats()
  const busy = alive.filter((slot) => slot.busy)
  const looks = busy.filter((slot) => slot.input.at(-1)?.name === TASKS.full).length
  const now = performance.now()
  // Twins share a place; nobody else does, and nobody waits outside of the queue.
  const pending = new Set(calls.filter(({ settled }) => settled === 0).map(({ text }) => text)).size
  const facts = {
    'the fast queue keeps to its capacity': fast.depth <= limits.maxQueue && fast.capacity === limits.maxQueue,
    'the full queue keeps to its capacity': full.depth <= limits.maxFullQueue && full.capacity === limits.maxFullQueue,
    'no more threads work than there are': busy.length <= workers.busy && workers.busy <= limits.workers,
    'a thread is left to the fast score': limits.workers === 1 || looks < limits.workers,
    'nobody waits for an idle thread': workers.idle === 0 || fast.depth === 0,
    'nobody waits elsewhere': pending <= limits.workers + limits.maxQueue + limits.maxFullQueue,
    'every promise settles once at most': calls.every(({ settled }) => settled <= 1),
    'every promise settles in time': calls.every(({ settled, deadline }) => settled === 1 || now <= deadline + 1),
  }
  return Object.entries(facts).flatMap(([fact, holds]) => (holds ? [] : [fact]))
}

/** What clients saw, by label, is what was counted. */
function addsUp(samples: readonly Sample[], { calls, turnedAway, restarts, slots, limits }: Machine): void {
  const outcomes = [...calls.map(({ outcome }) => outcome), ...turnedAway.map(outcomeOf)]
  const errors = [...calls.flatMap(({ error }) => error ?? []), ...turnedAway]
  const counted = (decision: string) => sum(samples, 'diffiqa_request_duration_seconds_count', { decision })
  for (const decision of ['accept', 'down_weight', 'reject', 'degraded', 'shed', 'error', 'aborted'])
    expect([decision, counted(decision)]).toEqual([decision, outcomes.filter((one) => one === decision).length])
  expect(sum(samples, 'diffiqa_request_duration_seconds_count')).toBe(outcomes.length)
  for (const decision of ['accept', 'down_weight'])
    expect(sum(samples, 'diffiqa_verdicts_total', { decision })).toBe(counted(decision))
  expect(sum(samples, 'diffiqa_rejections_total')).toBe(counted('reject'))
  expect(sum(samples, 'diffiqa_shed_total')).toBe(counted('shed'))
  expect(sum(samples, 'diffiqa_degraded_total')).toBe(counted('degraded'))
  expect(sum(samples, 'diffiqa_errors_total')).toBe(counted('error'))
  for (const code of ['worker-crashed', 'scoring-failed', 'deadline-exceeded'] as const)
    expect(sum(samples, 'diffiqa_errors_total', { code })).toBe(
      errors.filter((error) => error.code === code && outcomeOf(error) === 'error').length,
    )
  expect(sum(samples, 'diffiqa_worker_restarts_total')).toBe(restarts)
  expect(restarts).toBeGreaterThanOrEqual(slots.length - limits.workers)
}

type Step = fc.AsyncCommand<Model, Machine>

/** A step that may always be tried. */
function step(name: string, run: (model: Model, machine: Machine) => unknown): Step {
  return {
    check: () => true,
    run: async (model, machine) => {
      await run(model, machine)
      await flush()
      expect(broken(machine)).toEqual([])
    },
    toString: () => name,
  }
}

const ANSWERS = { good: 0.9, uncertain: 0.57, mediocre: 0.45, bad: 0.1 } as const

const at = fc.nat(9)
const steps: fc.Arbitrary<Step>[] = [
  // Weights: a step that stands here more often happens more often.
  ...Array.from({ length: 5 }, () =>
    fc
      .record({
        deadlineMs: fc.integer({ min: 1, max: 3000 }),
        onFailure: fc.constantFrom<'reject' | 'pass'>('reject', 'reject', 'pass'),
        twin: fc.option(at),
      })
      .map(({ deadlineMs, onFailure, twin }) =>
        step(`submit(${deadlineMs}, ${onFailure}, ${twin})`, (model, machine) => {
          const texts = machine.calls.map(({ text }) => text)
          const known = twin === null ? undefined : texts[twin % Math.max(1, texts.length)]
          machine.submit(known ?? `photo ${model.submitted}`, deadlineMs, onFailure)
          model.submitted++
        }),
      ),
  ),
  ...Array.from({ length: 4 }, () =>
    fc.tuple(at, fc.constantFrom(...(Object.keys(ANSWERS) as (keyof typeof ANSWERS)[]))).map(([n, kind]) =>
      step(`answer(${n}, ${kind})`, (_, machine) => {
        const slot = machine.pick(n, (one) => one.busy)
        const isLook = slot?.input.at(-1)?.name === TASKS.full
        slot?.answer(undefined, isLook ? fullAnswerOf(ANSWERS[kind]) : answerOf(ANSWERS[kind]))
      }),
    ),
  ),
  fc
    .tuple(at, fc.constantFrom<ErrorCode>('no-face', 'scoring-failed'))
    .map(([n, code]) =>
      step(`throw(${n}, ${code})`, (_, machine) =>
        machine.pick(n, (slot) => slot.busy)?.answer(new DiffiqaError(code)),
      ),
    ),
  fc
    .tuple(at, fc.constantFrom<'crash' | 'memory'>('crash', 'memory'))
    .map(([n, reason]) =>
      step(`die(${n}, ${reason})`, (_, machine) => machine.pick(n, (slot) => !slot.loading)?.die(reason)),
    ),
  ...Array.from({ length: 2 }, () =>
    at.map((n) => step(`load(${n})`, (_, machine) => machine.pick(n, (slot) => slot.loading)?.load())),
  ),
  at.map((n) =>
    step(`failToLoad(${n})`, (_, machine) =>
      machine.pick(n, (slot) => slot.loading)?.load(new DiffiqaError('model-missing')),
    ),
  ),
  at.map((n) =>
    step(`abort(${n})`, (_, machine) => machine.calls[n % Math.max(1, machine.calls.length)]?.controller.abort()),
  ),
  ...Array.from({ length: 2 }, () =>
    fc.nat(1500).map((ms) => step(`wait(${ms})`, () => vi.advanceTimersByTimeAsync(ms))),
  ),
  fc.integer({ min: 1, max: 3000 }).map((deadlineMs) =>
    step(`admit(${deadlineMs})`, (model, machine) => {
      try {
        machine.gate.admit(deadlineMs)
      } catch (error) {
        if (!isDiffiqaError(error)) throw error
        machine.turnedAway.push(error)
        model.refused++
      }
    }),
  ),
  fc.constant({
    // Late, or there would be little but refusals.
    check: ({ closed, submitted }) => !closed && submitted > 20,
    run: async (model, machine) => {
      model.closed = true
      machine.closing = machine.gate.close({ timeoutMs: 500 })
      machine.closing.catch(() => {})
      await flush()
      expect(machine.gate.ready).toBe(false)
      expect(() => machine.gate.admit()).toThrow(DiffiqaError)
      machine.turnedAway.push(new DiffiqaError('shutting-down'))
      model.refused++
      expect(broken(machine)).toEqual([])
    },
    toString: () => 'close()',
  } satisfies Step),
]

test('however requests, answers, deaths, aborts and time come: never above its capacity, every promise settles once, counters add up', async () => {
  const { models } = await loadManifest()
  const manifest = { ...testManifest(), models }
  const limits = fc.record({
    workers: fc.integer({ min: 1, max: 3 }),
    maxQueue: fc.nat(4),
    maxFullQueue: fc.nat(2),
  })
  await fc.assert(
    fc.asyncProperty(limits, fc.commands(steps, { maxCommands: 80, size: 'max' }), async (limits, commands) => {
      vi.clearAllTimers()
      const machine = new Machine(limits, manifest)
      await flush()
      const model: Model = { submitted: 0, refused: 0, closed: false }
      await fc.asyncModelRun(() => ({ model, real: machine }), commands)
      machine.closing ??= machine.gate.close({ timeoutMs: 500 })
      await vi.advanceTimersByTimeAsync(600)
      await machine.closing
      await flush()
      for (const { settled } of machine.calls) expect(settled).toBe(1)
      expect(machine.scheduler.stats()).toMatchObject({
        fast: { depth: 0 },
        full: { depth: 0 },
        workers: { busy: 0, idle: 0, starting: 0 },
      })
      expect(machine.slots.every((slot) => slot.dead || slot.stopped)).toBe(true)
      expect([machine.calls.length, machine.turnedAway.length]).toEqual([model.submitted, model.refused])
      addsUp(await scrape(machine.metrics.register), machine)
      expect(vi.getTimerCount()).toBe(0)
    }),
    { numRuns: 150 },
  )
})
