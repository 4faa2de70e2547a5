export type { GalleryMatcher } from './adapters/embedding-matcher.ts'
export { MemoryGallery } from './adapters/gallery.ts'
export {
  type OnnxMatcher,
  type OnnxMatcherOptions,
  type OnnxMatcherQuality,
  type OnnxSource,
  onnxMatcher,
} from './adapters/onnx.ts'
export type { OnnxInput } from './adapters/onnx-input.ts'
export type { RatedSource } from './adapters/rated-source.ts'
