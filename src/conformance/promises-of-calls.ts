import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { isDiffiqaError } from '../errors.ts'
import { assertRefused, type Bench } from './bench.ts'
import { capture } from './capture.ts'
import { type PhotoName, QUALITY } from './photos.ts'
import { SUBJECTS } from './types.ts'

/** `source` is the SDK's own object, untouched. */
export async function sourceIsUntouched(bench: Bench): Promise<void> {
  await bench.fill()
  if (!bench.can('identify')) return
  const { candidates, answer } = await bench.guarded().identify(bench.photo('again', QUALITY.fair))
  const raw = bench.identified.at(-1) ?? []
  assert.ok(raw.length > 0, 'nobody was found, so there is no source to look at')
  assert.deepEqual(answer, raw, '`answer` is not what the matcher gave')
  for (const [index, { source }] of candidates.entries()) {
    assert.ok(source === raw[index]?.source, '`source` is another object than the matcher gave')
    assert.notEqual(source, undefined, 'a candidate has no source')
    if (bench.under.answers)
      assert.ok(holds(bench.under.answers(), answerIn(source)), '`source` is not what the SDK answered')
  }
}

/** An abort ends the call. */
export async function abortEndsTheCall(open: () => Promise<Bench>): Promise<void> {
  const methods = await using(open, async (bench) => bench.calls(bench.guarded(), bench.photo('again')).length)
  for (let index = 0; index < methods; index++) {
    await using(open, async (bench) => {
      await bench.fill()
      const [method] = pick(bench, index)
      const before = bench.under.calls()
      await assertRefused(pick(bench, index, AbortSignal.abort())[1](), 'aborted', `${method} with an aborted signal`)
      assert.equal(bench.under.calls(), before, `${method} called the SDK although the signal was aborted before`)

      bench.under.hang()
      for (const guarded of [false, true]) {
        const calls = bench.under.calls()
        const controller = new AbortController()
        const call = guarded ? pick(bench, index, controller.signal)[1]() : direct(bench, index, controller.signal)
        call.catch(() => {})
        await until(() => bench.under.calls() > calls, 500)
        controller.abort()
        const ended = await settled(call, bench.patienceMs)
        if (ended === 'fulfilled' && bench.under.calls() === calls) return // This method does without the SDK.
        assert.equal(ended, 'rejected', `${method} had not ended ${bench.patienceMs} ms after the abort`)
      }
      assert.equal(
        bench.events.at(-1)?.outcome ?? 'aborted',
        'aborted',
        `the abort of ${method} was not counted as one`,
      )
    })
  }
}

/** The SDK's errors come through as themselves (`cause`), under a code, and are counted. */
export async function errorsComeThrough(bench: Bench): Promise<void> {
  await bench.fill()
  const guarded = bench.guarded()
  for (const [method, call] of bench.calls(guarded, bench.photo('again'))) {
    const [calls, events] = [bench.under.calls(), bench.events.length]
    const isOwn = bench.under.fail({ after: 0 })
    const error = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    bench.under.recover()
    if (error === undefined && bench.under.calls() === calls) continue // This method does without the SDK.
    assert.ok(error !== undefined, `${method} succeeded although the SDK failed`)
    assert.ok(isDiffiqaError(error), `${method} threw an error without a code: ${String(error)}`)
    assert.ok(chain(error).some(isOwn), `the SDK’s own error is no cause of what ${method} threw: ${String(error)}`)
    if (method === 'embed') continue // Not counted: it compares nothing.
    assert.deepEqual(
      bench.events.slice(events).map(({ operation, outcome }) => [operation, outcome]),
      [[method, 'error']],
      `the failure of ${method} was not counted as one`,
    )
  }
  for (const [method, call] of bench.calls(guarded, bench.photo('again')).slice(0, 1)) {
    const ended = await call().catch((reason: unknown) => reason)
    assert.ok(!(ended instanceof Error), `${method} fails still, after the SDK has recovered: ${String(ended)}`)
  }
}

/** Calls at the same time are safe. */
export async function callsAtTheSameTimeAreSafe(bench: Bench): Promise<void> {
  await bench.fill()
  if (!bench.can('identify')) return
  const guarded = bench.guarded()
  const names: readonly PhotoName[] = ['person', 'other', 'again', 'other', 'person', 'again']
  const find = async (name: PhotoName): Promise<readonly (readonly [string, number])[]> =>
    (await guarded.identify(bench.photo(name))).candidates.map(({ subject, rawScore }) => [subject, rawScore])
  const alone = []
  for (const name of names) alone.push(await find(name))
  const together = await Promise.all(names.map(find))
  assert.deepEqual(together, alone, 'calls at the same time gave other answers than one after the other')
}

/** Nothing of the SDK’s is logged. */
export async function nothingIsLogged(bench: Bench): Promise<void> {
  const written = await capture(Object.values(SUBJECTS), async () => {
    await bench.fill()
    const guarded = bench.guarded()
    const calls = bench.calls(guarded, bench.photo('again'))
    for (const [, call] of calls) await call()
    bench.under.fail({ after: 0 })
    for (const [, call] of calls.slice(0, 1)) await call().catch(() => {})
    bench.under.recover()
  })
  assert.deepEqual(written, [], 'something was written to the console')
}

/** A bench of its own, closed again. */
async function using<T>(open: () => Promise<Bench>, work: (bench: Bench) => Promise<T>): Promise<T> {
  const bench = await open()
  try {
    return await work(bench)
  } finally {
    bench.under.recover()
    await bench.under.close?.()
  }
}

const pick = (bench: Bench, index: number, signal?: AbortSignal) =>
  bench.calls(bench.guarded(), bench.photo('again'), signal)[index] as ReturnType<Bench['calls']>[number]

/** The same call of the matcher itself: `guard()` would end an aborted call also where the matcher does not. */
function direct(bench: Bench, index: number, signal: AbortSignal): Promise<unknown> {
  const { matcher } = bench
  const photo = bench.photo('again')
  const bare = {
    identify: async () => matcher.identify?.(photo.probe, { limit: 5, signal }),
    verify: async (_input: never, reference: object) =>
      matcher.verify?.(
        photo.probe,
        'photo' in reference ? { probe: bench.photo('other').probe } : { subject: SUBJECTS.person },
        { signal },
      ),
    enrol: async (subject: string) => matcher.enrol?.(subject, photo.probe, { signal }),
    embed: async () => matcher.embed?.([photo.probe.aligned], { signal }),
    remove: async (subject: string) => matcher.remove?.(subject, { signal }),
  }
  const [, call] = bench.calls(bare as never, photo)[index] as ReturnType<Bench['calls']>[number]
  return call()
}

async function settled(call: Promise<unknown>, patienceMs: number): Promise<'fulfilled' | 'rejected' | 'pending'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'pending'>((resolve) => {
    timer = setTimeout(() => resolve('pending'), patienceMs)
  })
  const done = call.then(
    () => 'fulfilled' as const,
    () => 'rejected' as const,
  )
  try {
    return await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}

async function until(condition: () => boolean, withinMs: number): Promise<void> {
  for (const end = performance.now() + withinMs; performance.now() < end && !condition(); )
    await new Promise((resolve) => setTimeout(resolve, 5))
}

function chain(error: unknown): unknown[] {
  const found: unknown[] = []
  for (
    let cause = error;
    cause !== undefined && found.length < 10;
    cause = (cause as { cause?: unknown } | null)?.cause
  )
    found.push(cause)
  return found
}

/** Adapters of services with a judgement of their own keep the SDK's object as `answer` beside it. */
function answerIn(source: unknown): unknown {
  const rated = typeof source === 'object' && source !== null && 'answer' in source && 'matcherQuality' in source
  return rated ? source.answer : source
}

function holds(whole: unknown, part: unknown): boolean {
  if (isDeepStrictEqual(whole, part)) return true
  return typeof whole === 'object' && whole !== null && Object.values(whole).some((inner) => holds(inner, part))
}
