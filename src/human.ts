export type { GalleryMatcher } from './adapters/embedding-matcher.ts'
export { MemoryGallery } from './adapters/gallery.ts'
export { type HumanMatcherOptions, human } from './adapters/human.ts'
export type {
  HumanFaceLike,
  HumanLike,
  HumanMatcherQuality,
  HumanSource,
  HumanTensorLike,
  MakeTensor,
} from './adapters/human-face.ts'
export type { RatedSource } from './adapters/rated-source.ts'
