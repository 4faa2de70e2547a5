import assert from 'node:assert/strict'
import { defineAdapter } from '../adapters/define-adapter.ts'
import { guard } from '../adapters/guard.ts'
import type { GuardedMethods, GuardOptions } from '../adapters/guard-types.ts'
import type { Candidate, Matcher, SubjectId } from '../adapters/matcher.ts'
import type { FaceQuality } from '../adapters/probe.ts'
import { isDiffiqaError } from '../errors.ts'
import type { GateEvents } from '../gate/events.ts'
import type { Gate } from '../gate/gate.ts'
import type { Mode } from '../gate/types.ts'
import { type PhotoName, type Photos, QUALITY, THRESHOLDS } from './photos.ts'
import { type MatcherCapabilities, type MatcherUnderTest, SUBJECTS } from './types.ts'

export type Method = MatcherCapabilities['methods'][number]

/** What one check works with: a matcher of its own, and a gate that says of a photo what the check wants. */
export class Bench {
  readonly under: MatcherUnderTest
  readonly able: MatcherCapabilities
  readonly patienceMs: number
  /** The guard's events, oldest first. */
  readonly events: GateEvents['matcher'][] = []
  /** What the matcher itself answered to `identify` through {@link guarded}, newest last. */
  readonly identified: (readonly Candidate[])[] = []
  readonly #photos: Photos
  #uses = 0

  constructor(under: MatcherUnderTest, able: MatcherCapabilities, photos: Photos) {
    this.under = under
    this.able = able
    this.patienceMs = able.patienceMs ?? 2000
    this.#photos = photos
  }

  get matcher(): Matcher {
    return this.under.matcher
  }

  /** The methods are those of the capabilities. */
  assertMethods(): void {
    const all: readonly Method[] = ['identify', 'verify', 'enrol', 'remove', 'embed']
    const found = all.filter((method) => this.matcher[method] !== undefined)
    assert.deepEqual(
      found,
      all.filter((method) => this.can(method)),
      'the matcher has other methods',
    )
    defineAdapter(this.matcher)
  }

  can(method: Method): boolean {
    return this.able.methods.includes(method)
  }

  canVerify(reference: 'subject' | 'photo'): boolean {
    return this.can('verify') && (this.able.references ?? ['subject', 'photo']).includes(reference)
  }

  /** A photo that was assessed, of the quality wanted. */
  photo(name: PhotoName, quality: number = QUALITY.good, mode: Mode = 'enforce'): FaceQuality {
    return this.#photos.of(name, quality, mode, () => this.#uses++)
  }

  /** How often a matcher looked at a photo, or called its SDK. */
  reached(): number {
    return this.#uses + this.under.calls()
  }

  /** The matcher behind the gate. Methods that it does not have are missing here too. */
  guarded(options: GuardOptions = {}): GuardedMethods {
    const { matcher } = this.under
    const recorded: Matcher = {
      ...matcher,
      ...(matcher.identify && {
        identify: async (probe, call) => {
          const answer = (await matcher.identify?.(probe, call)) as Candidate[]
          this.identified.push(answer)
          return answer
        },
      }),
    }
    const gate = { ...GATE, mode: options.mode ?? 'enforce', emit: this.#emit } as unknown as Gate
    return (this.under.guard ?? guard)(recorded, gate, options) as unknown as GuardedMethods
  }

  readonly #emit = (name: string, event: unknown): void => {
    if (name === 'matcher') this.events.push(event as GateEvents['matcher'])
  }

  /** Enrol both people with good photos, where the matcher can; one that cannot knows them already. */
  async fill(): Promise<void> {
    for (const name of ['person', 'other'] as const) await this.enrol(SUBJECTS[name], name)
  }

  async enrol(subject: SubjectId, name: PhotoName): Promise<void> {
    await this.matcher.enrol?.(subject, this.photo(name).probe, { quality: QUALITY.good })
  }

  /** One call of each method through the gate, as far as the matcher has it; `enrol` enrols somebody new. */
  calls(
    guarded: GuardedMethods,
    photo: FaceQuality,
    signal?: AbortSignal,
  ): readonly [Method, () => Promise<unknown>][] {
    const options = signal ? { signal } : {}
    const all: [Method, boolean, () => Promise<unknown>][] = [
      ['identify', this.can('identify'), () => guarded.identify(photo, options)],
      ['verify', this.canVerify('subject'), () => guarded.verify(photo, { subject: SUBJECTS.person }, options)],
      ['verify', this.canVerify('photo'), () => guarded.verify(photo, { photo: this.photo('other') }, options)],
      ['embed', this.can('embed'), () => guarded.embed(photo, options)],
      ['enrol', this.can('enrol'), () => guarded.enrol('conformance-new', photo, options)],
    ]
    return all.flatMap(([method, able, call]) => (able ? [[method, call] as const] : []))
  }

  /** Who is enrolled, sorted. */
  async enrolled(): Promise<readonly SubjectId[]> {
    assert.ok(this.under.enrolled, 'the matcher can enrol, so the factory has to give enrolled()')
    return [...(await this.under.enrolled())].sort()
  }

  /** Waits until the gallery holds these people, since some of the clearing up goes on after an abort. */
  async assertEnrolled(expected: readonly SubjectId[], message: string): Promise<void> {
    const end = performance.now() + this.patienceMs
    let found = await this.enrolled()
    while (found.join('\n') !== expected.join('\n') && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 25))
      found = await this.enrolled()
    }
    assert.deepEqual(found, expected, message)
  }
}

/** Rejects with this code. */
export async function assertRefused(call: Promise<unknown>, code: string, message: string): Promise<void> {
  const error = await call.then(
    () => assert.fail(`${message}: it succeeded, expected is the code ${code}`),
    (reason: unknown) => reason,
  )
  assert.ok(isDiffiqaError(error), `${message}: expected is a DiffiqaError ${code}, but got ${String(error)}`)
  assert.equal(error.code, code, message)
}

/** The gate as far as `guard()` looks at it. */
const GATE = {
  assess: () => assert.fail('the suite hands in photos that were assessed'),
  ready: true,
  policy: 'balanced',
  thresholds: THRESHOLDS,
  manifest: { scoring: { downWeighting: {} } },
  on: () => () => {},
}
