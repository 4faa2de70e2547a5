export {
  type ComprefaceMatcher,
  type ComprefaceMatcherQuality,
  type ComprefaceOptions,
  type ComprefaceSource,
  compreface,
} from './adapters/compreface.ts'
export type { RatedSource } from './adapters/rated-source.ts'
