export { describeMatcher } from './conformance/describe-matcher.ts'
export {
  type MatcherCapabilities,
  type MatcherUnderTest,
  SUBJECTS,
  type TestPhotos,
  type TestRunner,
} from './conformance/types.ts'
