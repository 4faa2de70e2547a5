import { defineAdapter } from '../../src/adapters/define-adapter.ts'
import type { CallOptions, CompleteMatcher, Probe, Reference, SubjectId } from '../../src/adapters/matcher.ts'
import type { MatcherUnderTest } from '../../src/conformance/types.ts'
import { DiffiqaError } from '../../src/errors.ts'
import { likenessOf } from '../fixtures/likeness.ts'
import { People, type Person, score } from '../fixtures/services/people.ts'
import { Control, controlled } from './control.ts'

export class AcmeError extends Error {
  override readonly name = 'AcmeError'
}

/** The SDK of a made-up vendor, as vendors' SDKs are: it listens to a signal, and enrols in two steps. */
export class Acme {
  readonly people = new People()
  readonly persons = new Set<string>()
  readonly control = new Control(() => new AcmeError('acme is broken'))

  async search(photo: Uint8Array, limit: number, options: CallOptions) {
    return this.#call(options, async () => {
      const hits = this.people.search(await likenessOf(photo))
      return hits
        .slice(0, limit)
        .map(({ photo, score }) => ({ person: photo.subject, percent: score * 100, at: photo.id }))
    })
  }

  async compare(photo: Uint8Array, other: Uint8Array, options: CallOptions) {
    return this.#call(options, async () => ({ percent: score(await likenessOf(photo), await likenessOf(other)) * 100 }))
  }

  async check(photo: Uint8Array, person: string, options: CallOptions) {
    return this.#call(options, async () => {
      const [enrolled] = this.people.of(person)
      return enrolled && { percent: score(await likenessOf(photo), enrolled.likeness) * 100 }
    })
  }

  async has(person: string, options: CallOptions) {
    return this.#call(options, () => ({ known: this.persons.has(person), people: this.persons.size }))
  }

  async create(person: string, options: CallOptions) {
    return this.#call(options, () => {
      this.persons.add(person)
      return { person }
    })
  }

  async addPhoto(person: string, photo: Uint8Array, options: CallOptions) {
    return this.#call(options, async () => ({ photo: this.people.add(person, await likenessOf(photo)) }))
  }

  async delete(person: string, options: CallOptions) {
    return this.#call(options, () => {
      this.people.remove(this.people.of(person).map(({ id }: Person) => id))
      return { deleted: this.persons.delete(person) }
    })
  }

  async #call<T>({ signal }: CallOptions, work: () => T | Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    return Promise.race([this.control.through(async () => (signal?.aborted ? undefined : work()) as T), aborted])
  }
}

/** A good adapter for it, written out so that each of its lines can be broken. */
export function acmeMatcher(sdk: Acme): CompleteMatcher {
  const running = new Set<SubjectId>()

  return defineAdapter<CompleteMatcher>({
    name: 'acme',
    scale: { direction: 'similarity', min: 0, max: 100, impostorMean: 10, defaultThreshold: 80 },

    async identify(probe, { limit, signal }) {
      const options = optionsOf(signal)
      const { people } = await sdk.has('', options)
      if (people === 0) throw new DiffiqaError('gallery-empty')
      const hits = await sdk.search(await probe.jpeg(), limit, options)
      return hits.map((hit) => ({ subject: hit.person, score: hit.percent, source: hit }))
    },

    async verify(probe: Probe, reference: Reference, { signal }) {
      const photo = await probe.jpeg()
      const options = optionsOf(signal)
      const answer =
        'probe' in reference
          ? await sdk.compare(photo, await reference.probe.jpeg(), options)
          : await sdk.check(photo, reference.subject, options)
      if (!answer) throw new DiffiqaError('subject-unknown')
      return { score: answer.percent, source: answer }
    },

    async enrol(subject, probe, { signal }) {
      if (running.has(subject)) throw new DiffiqaError('subject-exists')
      running.add(subject)
      try {
        const options = optionsOf(signal)
        const photo = await probe.jpeg()
        if ((await sdk.has(subject, options)).known) throw new DiffiqaError('subject-exists')
        try {
          await sdk.create(subject, options)
          return { subject, source: await sdk.addPhoto(subject, photo, options) }
        } catch (error) {
          void sdk.delete(subject, {}).catch(() => {})
          throw error
        }
      } finally {
        running.delete(subject)
      }
    },

    async remove(subject, { signal }) {
      const { deleted } = await sdk.delete(subject, optionsOf(signal))
      if (!deleted) throw new DiffiqaError('subject-unknown')
    },
  })
}

export const optionsOf = (signal: AbortSignal | undefined): CallOptions => (signal ? { signal } : {})

/** The adapter, or a broken one, in front of the SDK. */
export function acmeUnderTest(
  open: (sdk: Acme) => CompleteMatcher = acmeMatcher,
  more: Partial<MatcherUnderTest> = {},
): MatcherUnderTest {
  const sdk = new Acme()
  return {
    matcher: open(sdk),
    ...controlled(sdk.control, (error) => error instanceof AcmeError),
    enrolled: async () => [...sdk.persons],
    ...more,
  }
}
