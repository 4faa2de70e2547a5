export { defineAdapter } from './adapters/define-adapter.ts'
export {
  type EmbeddingLike,
  MemoryGallery,
  type Template,
  type TemplateOptions,
  type Vector,
} from './adapters/gallery.ts'
export { guard } from './adapters/guard.ts'
export type {
  DownWeighting,
  Guarded,
  GuardedCandidate,
  GuardedComparison,
  GuardedEmbedding,
  GuardedEnrolment,
  GuardedFrame,
  GuardedFramesResult,
  GuardedIdentifyOptions,
  GuardedMethods,
  GuardedReference,
  GuardedResult,
  GuardedScore,
  GuardOptions,
  ProbeInput,
} from './adapters/guard-types.ts'
export type {
  CallOptions,
  Candidate,
  Comparison,
  EmbeddingAccess,
  Enrolment,
  EnrolOptions,
  IdentifyOptions,
  Matcher,
  Probe,
  Reference,
  ScoreScale,
  SubjectId,
} from './adapters/matcher.ts'
export { createProbe, type FaceQuality } from './adapters/probe.ts'
