export type { DiffiqaErrorOptions, ErrorCode } from './errors.ts'
export { DiffiqaError, ERROR_CODES, isDiffiqaError } from './errors.ts'
export { fromHuman } from './face/from-human.ts'
export type {
  AlignedFace,
  Box,
  Face,
  HeadPose,
  Landmarks,
  Photo,
  Point,
  RgbImage,
  Transform,
} from './face/types.ts'
export type { CacheOptions, SharedCacheOptions } from './gate/cache-options.ts'
export type { CalibratedScoring, Calibration, MatcherCalibration } from './gate/calibration.ts'
export { createGate } from './gate/create-gate.ts'
export type { GateEventName, GateEvents, GateListener, GateStats } from './gate/events.ts'
export type { ExplainCallOptions } from './gate/explain.ts'
export type { RankedFrame } from './gate/frames.ts'
export type { Gate, GateUpdate } from './gate/gate.ts'
export type { EmbeddingSource, GateOptions } from './gate/options.ts'
export type { ThresholdOverrides } from './gate/policy.ts'
export type { PooledTemplate, PoolingItem, PoolingOptions } from './gate/pooling.ts'
export { poolEmbeddings } from './gate/pooling.ts'
export type { SharedScoreStore } from './gate/shared-scores.ts'
export type {
  Assessment,
  AssessOptions,
  Decision,
  Escalation,
  Mode,
  OnFailure,
  Timings,
  Verdict,
} from './gate/types.ts'
export type { ShrinkageScale } from './gate/weighting.ts'
export { adjustScore, pairQuality, reliability } from './gate/weighting.ts'
export type { Knots, Manifest, ModelName, PolicyName, Purpose, ThresholdSet } from './inference/manifest.ts'
export { type OpenInferenceOptions, openInference, type RemoteInference } from './inference/remote/open-inference.ts'
export type { RemoteModelName } from './inference/remote/remote-models.ts'
export type { ComparedVersion, Explanation, PresetName } from './quality/diffiqa.ts'
export type {
  MeasureName,
  Measures,
  QualityScore,
  Reason,
  ReasonCode,
  TermName,
  TermSimilarity,
} from './quality/types.ts'
