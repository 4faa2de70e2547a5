export type { GalleryMatcher } from './adapters/embedding-matcher.ts'
export { MemoryGallery } from './adapters/gallery.ts'
export { type HttpMatcher, type HttpMatcherOptions, type HttpOperation, http } from './adapters/http.ts'
export type { HttpRefusal, HttpRequest } from './adapters/http-client.ts'
export {
  type DeepFaceMatcherQuality,
  type DeepFaceOptions,
  type DeepFaceSource,
  deepface,
} from './adapters/http-deepface.ts'
export { type FrigateMatcher, type FrigateOptions, frigate } from './adapters/http-frigate.ts'
export {
  type InsightFaceMatcherQuality,
  type InsightFaceRestMatcher,
  type InsightFaceRestOptions,
  type InsightFaceSource,
  insightFaceRest,
} from './adapters/http-insightface.ts'
export type { HttpServiceOptions, ScaleNumbers } from './adapters/http-options.ts'
export type { RatedSource } from './adapters/rated-source.ts'
