import assert from 'node:assert/strict'
import type { GuardedScore } from '../adapters/guard-types.ts'
import type { ScoreScale } from '../adapters/matcher.ts'
import { assertRefused, type Bench } from './bench.ts'
import { QUALITY, THRESHOLDS } from './photos.ts'
import { SUBJECTS } from './types.ts'

/** A rejected probe never reaches the SDK. */
export async function rejectedProbeIsWithheld(bench: Bench): Promise<void> {
  await bench.fill()
  const guarded = bench.guarded()
  const before = bench.reached()
  for (const [method, call] of bench.calls(guarded, bench.photo('again', QUALITY.bad)))
    await assertRefused(call(), 'quality-rejected', `${method} of a rejected photo`)
  if (bench.canVerify('photo')) {
    const reference = { photo: bench.photo('other', QUALITY.bad) }
    const call = guarded.verify(bench.photo('person'), reference)
    await assertRefused(call, 'quality-rejected', 'verify with a rejected second photo')
  }
  assert.equal(bench.reached(), before, 'a rejected photo was looked at, or the SDK was called')
  assert.ok(
    bench.events.every(({ outcome }) => outcome === 'withheld'),
    'a rejected photo was counted as a call of the matcher',
  )
}

/** An adjusted score is never better than the raw one, and the scale says which scores are better. */
export async function adjustedIsNeverBetter(bench: Bench): Promise<void> {
  await bench.fill()
  const guarded = bench.guarded()
  for (const quality of [0.4, QUALITY.fair, QUALITY.good]) {
    for (const score of await scoresOf(bench, quality)) {
      const { rawScore, adjustedScore, weight } = score
      assert.ok(!isBetter(adjustedScore, rawScore, bench.matcher.scale), `${adjustedScore} is better than ${rawScore}`)
      assert.ok(weight > 0 && weight <= 1, `the weight ${weight} is not in 0..1`)
      if (quality >= THRESHOLDS.probe.acceptFrom)
        assert.equal(adjustedScore, rawScore, 'the score of an accepted photo was changed')
    }
  }

  // A wrong direction or scale makes "never better" true of the wrong numbers.
  const { matcher } = bench
  if (bench.canVerify('photo')) {
    const same = await guarded.verify(bench.photo('again'), { photo: bench.photo('person') })
    const different = await guarded.verify(bench.photo('again'), { photo: bench.photo('other') })
    assertTold(same, different, matcher.scale)
  }
  if (bench.canVerify('subject')) {
    const same = await guarded.verify(bench.photo('again'), { subject: SUBJECTS.person })
    const different = await guarded.verify(bench.photo('again'), { subject: SUBJECTS.other })
    assertTold(same, different, matcher.scale)
  }
  if (bench.can('identify')) {
    const { candidates } = await guarded.identify(bench.photo('again'))
    const matches = candidates.filter(({ match }) => match).map(({ subject }) => subject)
    assert.deepEqual(matches, [SUBJECTS.person], 'the default threshold does not tell the person from the other one')
  }
}

/** Shadow and annotate change nothing. */
export async function shadowChangesNothing(bench: Bench): Promise<void> {
  await bench.fill()
  for (const mode of ['shadow', 'annotate'] as const) {
    const guarded = bench.guarded({ mode })
    const bad = bench.photo('again', QUALITY.bad, mode)
    if (bench.can('identify')) {
      const raw = await bench.matcher.identify?.(bad.probe, { limit: 5 })
      const { candidates } = await guarded.identify(bad)
      assert.deepEqual(
        candidates.map(({ subject, rawScore }) => ({ subject, score: rawScore })),
        raw?.map(({ subject, score }) => ({ subject, score })),
        `in ${mode} other candidates came than the matcher gives`,
      )
      for (const candidate of candidates) assertUntouched(candidate, mode)
    }
    if (bench.canVerify('subject')) assertUntouched(await guarded.verify(bad, { subject: SUBJECTS.person }), mode)
    if (bench.canVerify('photo'))
      assertUntouched(await guarded.verify(bad, { photo: bench.photo('other', QUALITY.bad, mode) }), mode)
    if (bench.can('enrol')) {
      await guarded.enrol(`conformance-${mode}`, bad)
      assert.ok((await bench.enrolled()).includes(`conformance-${mode}`), `in ${mode} a poor photo was not enrolled`)
    }
  }
}

/** The order is kept: the matcher's, best first, and no more than asked for. */
export async function orderIsKept(bench: Bench): Promise<void> {
  if (!bench.can('identify')) return
  await bench.fill()
  for (const name of ['person', 'other'] as const) {
    const { candidates } = await bench.guarded().identify(bench.photo(name, QUALITY.fair), { limit: 5 })
    const raw = bench.identified.at(-1) ?? []
    assert.deepEqual(
      candidates.map(({ subject }) => subject),
      raw.map(({ subject }) => subject),
      'the order is not the matcher’s',
    )
    assert.equal(candidates[0]?.subject, SUBJECTS[name], 'the person of the photo is not the first candidate')
    for (const [index, { score }] of raw.entries()) {
      const before = raw[index - 1]
      assert.ok(!before || !isBetter(score, before.score, bench.matcher.scale), 'a better candidate comes later')
    }
  }
  const { candidates } = await bench.guarded().identify(bench.photo('person'), { limit: 1 })
  assert.equal(candidates.length, 1, '`limit: 1` gave another number of candidates')
}

const isBetter = (a: number, b: number, { direction }: ScoreScale): boolean =>
  direction === 'similarity' ? a > b : a < b

async function scoresOf(bench: Bench, quality: number): Promise<readonly GuardedScore[]> {
  const guarded = bench.guarded()
  const photo = bench.photo('again', quality)
  return [
    ...(bench.can('identify') ? (await guarded.identify(photo)).candidates : []),
    ...(bench.canVerify('subject') ? [await guarded.verify(photo, { subject: SUBJECTS.person })] : []),
    ...(bench.canVerify('photo') ? [await guarded.verify(photo, { photo: bench.photo('other') })] : []),
  ]
}

function assertTold(same: GuardedScore, different: GuardedScore, scale: ScoreScale): void {
  const { rawScore } = same
  assert.ok(
    isBetter(rawScore, different.rawScore, scale),
    `by \`scale.direction\` the same person (${rawScore}) scores no better than another one (${different.rawScore})`,
  )
  assert.deepEqual([same.match, different.match], [true, false], 'the default threshold does not tell two people apart')
}

function assertUntouched({ rawScore, adjustedScore, weight }: GuardedScore, mode: string): void {
  assert.deepEqual([adjustedScore, weight], [rawScore, 1], `in ${mode} a score was changed`)
}
