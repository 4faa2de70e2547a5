import assert from 'node:assert/strict'
import type { GuardedMethods, ProbeInput } from '../adapters/guard-types.ts'
import type { SubjectId } from '../adapters/matcher.ts'
import { isDiffiqaError } from '../errors.ts'
import { assertRefused, type Bench } from './bench.ts'
import { SUBJECTS } from './types.ts'

/** More calls than this no enrolment makes. */
const MOST_CALLS = 20

/** Nothing is half enrolled: not after a failure or a lost answer of any of the SDK's calls, nor after an abort, nor by a second enrolment. */
export async function nothingIsHalfEnrolled(bench: Bench): Promise<void> {
  if (!bench.can('enrol')) return
  await bench.fill()
  const guarded = bench.guarded()
  const { under } = bench
  await spoiltEnrolments(bench, guarded, 'fails', (after) => under.fail({ after }))
  if (under.lose) await spoiltEnrolments(bench, guarded, 'is-lost', (after) => under.lose?.({ after }))
  const before = await bench.enrolled()

  bench.under.hang()
  const controller = new AbortController()
  const aborted = bench.matcher.enrol?.('conformance-aborted', bench.photo('again').probe, {
    signal: controller.signal,
  })
  setTimeout(() => controller.abort(), 50)
  await assert.rejects(aborted as Promise<unknown>)
  bench.under.recover()
  await bench.assertEnrolled(before, 'an aborted enrolment left somebody in the gallery')

  if (bench.able.secondPhoto === 'added') return
  await assertRefused(guarded.enrol(SUBJECTS.person, bench.photo('again')), 'subject-exists', 'a second enrolment')
  const both = await Promise.allSettled(
    ['again', 'person'].map((name) => guarded.enrol('conformance-twice', bench.photo(name as 'again'))),
  )
  const refusals = both.flatMap((one) => (one.status === 'rejected' ? [one.reason.code ?? one.reason] : []))
  assert.deepEqual(
    refusals,
    ['subject-exists'],
    'of two enrolments of one subject at the same time not one was refused',
  )
  await bench.assertEnrolled([...before, 'conformance-twice'].sort(), 'a person enrolled twice is not there once')
}

/** Spoil the first call, then the second, and so on, until the enrolment succeeds. */
async function spoiltEnrolments(
  bench: Bench,
  guarded: GuardedMethods,
  how: string,
  spoil: (after: number) => void,
): Promise<void> {
  const before = await bench.enrolled()
  for (let after = 0; after < MOST_CALLS; after++) {
    const subject = `conformance-${how}-${after}`
    spoil(after)
    const failed = await guarded.enrol(subject, bench.photo('again')).then(
      () => false,
      () => true,
    )
    bench.under.recover()
    if (!failed) {
      await bench.assertEnrolled([...before, subject].sort(), 'an enrolment that succeeded is not in the gallery')
      await bench.matcher.remove?.(subject, {})
      if (bench.can('remove')) await bench.assertEnrolled(before, 'a person who was removed is still in the gallery')
      return
    }
    await bench.assertEnrolled(before, `call ${after + 1} of an enrolment ${how}, and somebody stayed in the gallery`)
  }
  assert.fail(`an enrolment fails still when call ${MOST_CALLS} ${how}`)
}

/** Bad input is a typed error: strings in place of bytes, unknown and unnameable subjects, a gallery with nobody. */
export async function badInputHasACode(bench: Bench): Promise<void> {
  const guarded = bench.guarded()
  if (bench.can('identify') && bench.can('enrol') && bench.able.emptyGallery !== 'nobody')
    await assertRefused(guarded.identify(bench.photo('person')), 'gallery-empty', 'identify while nobody is enrolled')
  await bench.fill()

  const before = bench.under.calls()
  for (const input of ['/etc/passwd', 'https://example.com/a.jpg', 'aGVsbG8=', { bytes: 'a.jpg' }, null]) {
    for (const [method, call] of bench.calls(guarded, input as never))
      await assertRefused(call(), 'invalid-option', `${method} of ${JSON.stringify(input)}`)
  }
  for (const subject of ['', ' ', 'a\u0000b', 'a'.repeat(129), undefined, 7] as SubjectId[]) {
    const photo: ProbeInput = bench.photo('again')
    const told = `the subject ${JSON.stringify(subject)?.slice(0, 20)}`
    if (bench.can('enrol')) await assertRefused(guarded.enrol(subject, photo), 'invalid-subject', told)
    if (bench.can('remove')) await assertRefused(guarded.remove(subject), 'invalid-subject', told)
    if (bench.canVerify('subject')) await assertRefused(guarded.verify(photo, { subject }), 'invalid-subject', told)
  }
  assert.equal(bench.under.calls(), before, 'the SDK was called with input that has to be refused')

  const unknown = 'conformance-nobody'
  if (bench.can('remove'))
    await assertRefused(guarded.remove(unknown), 'subject-unknown', 'remove of an unknown subject')
  if (bench.canVerify('subject'))
    await assertRefused(
      guarded.verify(bench.photo('again'), { subject: unknown }),
      'subject-unknown',
      'verify of an unknown subject',
    )
  if (bench.can('enrol')) await strangeSubjects(bench, guarded)
}

/** Each is kept as it is, or refused: never taken for SQL, a path or an address. */
async function strangeSubjects(bench: Bench, guarded: GuardedMethods): Promise<void> {
  const before = await bench.enrolled()
  const subjects = [
    "x'; drop table people; --",
    '../../etc/passwd',
    '..',
    'https://example.com/?a=b&c#d',
    '%2e%2e%2f',
    'Åsa 李',
  ]
  for (const subject of subjects) {
    const refusal = await guarded.enrol(subject, bench.photo('again')).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (refusal !== undefined) {
      const code = isDiffiqaError(refusal) ? refusal.code : String(refusal)
      assert.equal(code, 'invalid-subject', `the subject ${subject} was refused for another reason`)
      await bench.assertEnrolled(before, `the subject ${subject} was refused, and somebody stayed in the gallery`)
      continue
    }
    await bench.assertEnrolled([...before, subject].sort(), `the subject ${subject} was not kept as it is`)
    if (!bench.can('remove')) return
    await guarded.remove(subject)
    await bench.assertEnrolled(before, `the removal of the subject ${subject} changed something else`)
  }
}
