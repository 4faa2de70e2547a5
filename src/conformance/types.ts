import type { guard } from '../adapters/guard.ts'
import type { Matcher, SubjectId } from '../adapters/matcher.ts'
import type { Assessment } from '../gate/types.ts'

/** The two functions of a test runner that are used: those of vitest, jest or `node:test`. */
export interface TestRunner {
  // biome-ignore lint/suspicious/noExplicitAny: each runner has a type of its own for what it hands to a test.
  readonly describe: (name: string, body: (...given: any[]) => any) => unknown
  // biome-ignore lint/suspicious/noExplicitAny: the same.
  readonly it: (name: string, body: (...given: any[]) => any) => unknown
}

/** A matcher with an SDK (a client, a local server, a database) that does what the tests want. */
export interface MatcherUnderTest {
  readonly matcher: Matcher
  /** How often the SDK was called so far. */
  calls(): number
  /**
   * Let the SDK's next call but `after` fail, once, as its SDK fails.
   * @returns is this error, or one in its chain of causes, the SDK's own?
   */
  fail(options: { readonly after: number }): (error: unknown) => boolean
  /**
   * Let the SDK carry out its next call but `after`, and lose the answer: the call fails as when the connection is cut. @default not checked
   */
  lose?(options: { readonly after: number }): void
  /** From now on the SDK does not answer. */
  hang(): void
  /** It answers again, and fails no more. Calls that hang may end as they like. */
  recover(): void
  /** Who is in the gallery, asked behind the adapter's back. Needed where the matcher has `enrol`. */
  enrolled?(): Promise<readonly SubjectId[]>
  /** All that the SDK answered, parsed: every `source` of an identification has to be in there, unchanged. @default not checked */
  answers?(): readonly unknown[]
  /** How your application puts the gate in front of it. @default `guard` of express-diffiqa/matcher */
  readonly guard?: typeof guard
  close?(): Promise<void>
}

/** Encoded photos of one face each. */
export interface TestPhotos {
  readonly person: Uint8Array
  /** The same person on another photo, which the matcher takes for a match. */
  readonly again: Uint8Array
  /** Somebody whom the matcher takes for somebody else. */
  readonly other: Uint8Array
}

/** What the matcher can do; everything it says it can is checked. */
export interface MatcherCapabilities {
  readonly methods: readonly ('identify' | 'verify' | 'enrol' | 'remove' | 'embed')[]
  readonly photos: TestPhotos | (() => Promise<TestPhotos>)
  /** What `verify()` takes. @default both */
  readonly references?: readonly ('subject' | 'photo')[]
  /** What a second enrolment of one person does. @default 'refused' (`subject-exists`) */
  readonly secondPhoto?: 'refused' | 'added'
  /** What `identify()` does while nobody is enrolled. @default 'error' (`gallery-empty`) */
  readonly emptyGallery?: 'error' | 'nobody'
  /** Milliseconds in which an aborted call has to end. @default 2000 */
  readonly patienceMs?: number
  /** Finds the faces of a photo and cuts them out. @default a gate of its own, for which the models have to be installed */
  readonly assess?: (photo: Uint8Array) => Promise<Assessment>
}

/** Subjects that the suite enrols; a matcher that cannot enrol has to know them already, from the photos `person` and `other`. */
export const SUBJECTS = { person: 'conformance-ada', other: 'conformance-bo' } as const
