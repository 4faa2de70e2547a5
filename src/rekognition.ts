export type { RatedSource } from './adapters/rated-source.ts'
export {
  type RekognitionMatcher,
  type RekognitionMatcherQuality,
  type RekognitionOptions,
  type RekognitionSource,
  rekognition,
} from './adapters/rekognition.ts'
export type {
  RekognitionComparison,
  RekognitionFace,
  RekognitionFaceDetail,
  RekognitionFaceMatch,
  RekognitionFilter,
  RekognitionIndexing,
  RekognitionLike,
  RekognitionQuality,
} from './adapters/rekognition-client.ts'
