import { Bench } from './bench.ts'
import { openPhotos, type Photos } from './photos.ts'
import {
  abortEndsTheCall,
  callsAtTheSameTimeAreSafe,
  errorsComeThrough,
  nothingIsLogged,
  sourceIsUntouched,
} from './promises-of-calls.ts'
import { badInputHasACode, nothingIsHalfEnrolled } from './promises-of-enrolment.ts'
import {
  adjustedIsNeverBetter,
  orderIsKept,
  rejectedProbeIsWithheld,
  shadowChangesNothing,
} from './promises-of-scores.ts'
import type { MatcherCapabilities, MatcherUnderTest, TestRunner } from './types.ts'

/** Each promise of an adapter: its name is that of its test. */
const PROMISES: readonly (readonly [string, (bench: Bench) => Promise<void>])[] = [
  ['a rejected probe never reaches the SDK', rejectedProbeIsWithheld],
  ['an adjusted score is never better than the raw one', adjustedIsNeverBetter],
  ['the order is kept', orderIsKept],
  ['source is untouched', sourceIsUntouched],
  ['shadow and annotate change nothing', shadowChangesNothing],
  ['the SDK’s errors come through as the cause of a typed error, and are counted', errorsComeThrough],
  ['nothing is half enrolled', nothingIsHalfEnrolled],
  ['calls at the same time are safe', callsAtTheSameTimeAreSafe],
  ['nothing of the SDK’s is logged', nothingIsLogged],
  ['bad input is a typed error', badInputHasACode],
]

/**
 * Check that a matcher keeps the promises of an adapter: one test each, that it has the methods it says among them.
 *
 * ```ts
 * import { describe, it } from 'node:test'
 * import { describeMatcher } from 'express-diffiqa/testing'
 *
 * describeMatcher('acme', openAcme, { methods: ['identify', 'enrol', 'remove'], photos }, { describe, it })
 * ```
 * @param open Gives a matcher with an empty gallery; called for each test, and closed after it.
 * @param runner `describe` and `it` of vitest, jest or `node:test`. Failures are AssertionErrors of `node:assert`.
 */
export function describeMatcher(
  name: string,
  open: () => MatcherUnderTest | Promise<MatcherUnderTest>,
  capabilities: MatcherCapabilities,
  { describe, it }: TestRunner,
): void {
  let photos: Promise<Photos> | undefined
  const openBench = async (): Promise<Bench> => {
    photos ??= openPhotos(capabilities)
    const ready = await photos
    return new Bench(await open(), capabilities, ready)
  }

  describe(`${name} keeps the promises of a matcher`, () => {
    it('it has the methods that it says, and no others', async () => {
      const bench = await openBench()
      try {
        bench.assertMethods()
      } finally {
        await bench.under.close?.()
      }
    })
    for (const [promise, check] of PROMISES)
      it(promise, async () => {
        const bench = await openBench()
        try {
          await check(bench)
        } finally {
          bench.under.recover()
          await bench.under.close?.()
        }
      })
    it('an abort ends the call', () => abortEndsTheCall(openBench))
  })
}
