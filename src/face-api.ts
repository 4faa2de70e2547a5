export type { GalleryMatcher } from './adapters/embedding-matcher.ts'
export { type FaceApiMatcherOptions, faceApi } from './adapters/face-api.ts'
export type {
  FaceApiBox,
  FaceApiFaceLike,
  FaceApiLike,
  FaceApiMatcherQuality,
  FaceApiSource,
  FaceApiTensorLike,
} from './adapters/face-api-face.ts'
export { MemoryGallery } from './adapters/gallery.ts'
export type { RatedSource } from './adapters/rated-source.ts'
