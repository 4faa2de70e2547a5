export type { GalleryMatcher } from './adapters/embedding-matcher.ts'
export { type FaceApiMatcherOptions, faceApi } from './adapters/face-api.ts'
export type { FaceApiBox, FaceApiFaceLike, FaceApiLike, FaceApiTensorLike } from './adapters/face-api-face.ts'
export { MemoryGallery } from './adapters/gallery.ts'
