export type { RatedSource } from './adapters/rated-source.ts'
export { type RegulaMatcher, type RegulaOptions, type RegulaSource, regula } from './adapters/regula.ts'
export type {
  RegulaLike,
  RegulaMatch,
  RegulaPerson,
  RegulaQuality,
  RegulaStatus,
} from './adapters/regula-client.ts'
