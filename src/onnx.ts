export type { GalleryMatcher } from './adapters/embedding-matcher.ts'
export { MemoryGallery } from './adapters/gallery.ts'
export { type OnnxMatcher, type OnnxMatcherOptions, onnxMatcher } from './adapters/onnx.ts'
export type { OnnxInput } from './adapters/onnx-input.ts'
