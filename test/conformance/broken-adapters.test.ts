import { describe, expect, it, vi } from 'vitest'
import { guard } from '../../src/adapters/guard.ts'
import type { CompleteMatcher, Probe } from '../../src/adapters/matcher.ts'
import { describeMatcher } from '../../src/conformance/describe-matcher.ts'
import type { MatcherCapabilities, MatcherUnderTest } from '../../src/conformance/types.ts'
import { DiffiqaError, isDiffiqaError } from '../../src/errors.ts'
import { testPhotos } from '../fixtures/likeness.ts'
import { type Acme, acmeMatcher, acmeUnderTest } from './acme.ts'
import { assessedOnce } from './assessed-once.ts'

const capabilities: MatcherCapabilities = {
  methods: ['identify', 'verify', 'enrol', 'remove'],
  photos: await testPhotos(),
  assess: assessedOnce,
  patienceMs: 300,
}

/** Run the suite with a runner that collects, and tell which of its tests fail. */
async function failures(open: () => MatcherUnderTest): Promise<Map<string, string>> {
  const tests: [string, () => Promise<void>][] = []
  const runner = {
    describe: (_: string, body: () => void) => body(),
    it: (name: string, body: () => Promise<void>) => tests.push([name, body]),
  }
  describeMatcher('acme', open, capabilities, runner)
  const failed = new Map<string, string>()
  for (const [name, body] of tests) await body().catch((error: Error) => failed.set(name, error.message))
  return failed
}

/** The good adapter with something changed. */
const changed = (change: (good: CompleteMatcher, sdk: Acme) => Partial<CompleteMatcher>) => (): MatcherUnderTest =>
  acmeUnderTest((sdk) => {
    const good = acmeMatcher(sdk)
    return { ...good, ...change(good, sdk) }
  })

/** The good adapter behind another gate. */
const guardedBy = (own: typeof guard) => (): MatcherUnderTest => acmeUnderTest(acmeMatcher, { guard: own })

/** A kept promise each, and an adapter, or a use of `guard()`, that breaks it and no other. */
const BROKEN: Record<string, () => MatcherUnderTest> = {
  'it has the methods that it says, and no others': changed(() => ({ embed: async () => [] })),

  'a rejected probe never reaches the SDK': guardedBy(((matcher, gate, options) => {
    const guarded = guard(matcher, gate, options) as never as ReturnType<typeof guard<CompleteMatcher>>
    return {
      ...guarded,
      // Asks the matcher nonetheless, to log who it would have been.
      identify: (photo: { probe: Probe }, call?: object) =>
        guarded.identify(photo as never, call).catch(async (error: unknown) => {
          if (isDiffiqaError(error) && error.code === 'quality-rejected')
            await matcher.identify?.(photo.probe, { limit: 1 })
          throw error
        }),
    } as never
  }) as typeof guard),

  'an adjusted score is never better than the raw one': guardedBy(((matcher, gate, options) => {
    const guarded = guard(matcher, gate, options) as never as ReturnType<typeof guard<CompleteMatcher>>
    return {
      ...guarded,
      // Pays poor photos back what the down-weighting took.
      identify: async (photo: never, call: object) => {
        const { candidates, ...rest } = await guarded.identify(photo, call)
        const paid = candidates.map((one) => ({ ...one, adjustedScore: 2 * one.rawScore - one.adjustedScore }))
        return { ...rest, candidates: paid }
      },
    } as never
  }) as typeof guard),

  'the order is kept': changed((good) => ({
    identify: async (probe, options) => {
      const candidates = await good.identify(probe, { ...options, limit: 1000 })
      return candidates.sort((a, b) => a.score - b.score).slice(0, options.limit)
    },
  })),

  'source is untouched': changed((good) => ({
    identify: async (probe, options) => {
      const candidates = await good.identify(probe, options)
      return candidates.map((candidate) => ({ ...candidate, source: { ...(candidate.source as object), kept: true } }))
    },
  })),

  'shadow and annotate change nothing': changed((good) => ({
    // Judges the photo itself.
    enrol: (subject, probe, options) => {
      if ((options.quality ?? 1) < 0.3) throw new DiffiqaError('quality-rejected')
      return good.enrol(subject, probe, options)
    },
  })),

  'the SDK’s errors come through as the cause of a typed error, and are counted': changed((good) => ({
    identify: async (probe, options) => {
      try {
        return await good.identify(probe, options)
      } catch (error) {
        if (isDiffiqaError(error) || options.signal?.aborted) throw error
        return []
      }
    },
  })),

  'nothing is half enrolled': changed((good, sdk) => ({
    enrol: async (subject, probe, { signal }) => {
      const options = signal ? { signal } : {}
      if (sdk.persons.has(subject)) throw new DiffiqaError('subject-exists')
      await sdk.create(subject, options)
      return { subject, source: await sdk.addPhoto(subject, await probe.jpeg(), options) }
    },
    remove: good.remove,
  })),

  'calls at the same time are safe': changed((good) => {
    let current: Probe
    return {
      identify: async (probe, options) => {
        current = probe
        await new Promise((resolve) => setTimeout(resolve, 1))
        return good.identify(current, options)
      },
    }
  }),

  'nothing of the SDK’s is logged': changed((good) => ({
    identify: async (probe, options) => {
      const candidates = await good.identify(probe, options)
      console.debug('acme found', candidates.length)
      return candidates
    },
  })),

  'bad input is a typed error': changed((good) => ({
    remove: (subject, options) => good.remove(subject, options).catch(() => {}),
  })),

  'an abort ends the call': changed((good) => ({
    verify: (probe, reference) => good.verify(probe, reference, {}),
  })),
}

/** Quieter, and no photo is looked at twice. */
vi.spyOn(console, 'debug').mockImplementation(() => {})

describe('describeMatcher()', () => {
  it('finds nothing wrong with a good adapter', async () => {
    expect([...(await failures(() => acmeUnderTest()))]).toEqual([])
  }, 60_000)

  it.each(Object.entries(BROKEN))(
    'finds that, and only that: %s',
    async (promise, open) => {
      const failed = await failures(open)
      expect([...failed.keys()], JSON.stringify([...failed], undefined, 1)).toEqual([promise])
    },
    60_000,
  )

  it('finds a person who stays where the answer that made it was lost', async () => {
    const failed = await failures(
      changed((good, sdk) => ({
        enrol: async (subject, probe, { signal }) => {
          const options = signal ? { signal } : {}
          if ((await sdk.has(subject, options)).known) throw new DiffiqaError('subject-exists')
          // Nothing is taken back where this fails: it made nobody, or so it seems.
          await sdk.create(subject, options)
          try {
            return { subject, source: await sdk.addPhoto(subject, await probe.jpeg(), options) }
          } catch (error) {
            await good.remove(subject, {}).catch(() => {})
            throw error
          }
        },
      })),
    )
    expect(failed.get('nothing is half enrolled')).toMatch(/call 2 of an enrolment is-lost/)
  }, 60_000)

  it('finds a scale with the wrong direction', async () => {
    const scale = { direction: 'distance', min: 0, max: 100, impostorMean: 80, defaultThreshold: 10 } as const
    const failed = await failures(changed(() => ({ scale })))
    expect(failed.get('an adjusted score is never better than the raw one')).toMatch(/scale\.direction/)
  }, 60_000)

  it('finds a default threshold that tells nobody apart', async () => {
    const scale = { direction: 'similarity', min: 0, max: 100, impostorMean: 10, defaultThreshold: 99.9 } as const
    expect([...(await failures(changed(() => ({ scale })))).keys()]).toEqual([
      'an adjusted score is never better than the raw one',
    ])
  }, 60_000)
})
