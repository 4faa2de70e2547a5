import { describe, it } from 'vitest'
import { describeMatcher } from '../../src/conformance/describe-matcher.ts'
import type { MatcherCapabilities } from '../../src/conformance/types.ts'
import { clearPhotos, testPhotos } from '../fixtures/likeness.ts'
import { REMOTE_MATCHERS } from '../fixtures/services/remote-matchers.ts'
import { assessedOnce } from './assessed-once.ts'
import { remote } from './remote.ts'

const runner = { describe, it: (name: string, body: () => Promise<void>) => it(name, body, 60_000) }
const complete: MatcherCapabilities = {
  methods: ['identify', 'verify', 'enrol', 'remove'],
  photos: testPhotos,
  assess: assessedOnce,
}

/** What differs. */
const CAPABILITIES: Readonly<Record<string, Partial<MatcherCapabilities>>> = {
  'insightface-rest': { methods: [...complete.methods, 'embed'] },
  // Its threshold is so near to 1 that a down-weighted photo of the same person stays below it: this one is not.
  frigate: { methods: ['identify', 'enrol', 'remove'], photos: clearPhotos },
  // As its page configures it: nothing is found out about an empty gallery.
  http: { methods: ['identify', 'enrol', 'remove'], emptyGallery: 'nobody' },
}

for (const [name, make] of Object.entries(REMOTE_MATCHERS))
  describeMatcher(name, () => remote(make()), { ...complete, ...CAPABILITIES[name] }, runner)
