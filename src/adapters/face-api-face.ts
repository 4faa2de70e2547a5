import { DiffiqaError } from '../errors.ts'
import type { Box } from '../face/types.ts'
import type { Embedded } from './embedding-matcher.ts'
import type { Probe } from './matcher.ts'
import type { RatedSource } from './rated-source.ts'
import { cutRegion, knownFace, regionAround } from './region.ts'

export interface FaceApiBox {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** The part of a detected face that is read; the whole object is handed on as `source.answer`. */
export interface FaceApiFaceLike {
  readonly detection: { readonly score: number; readonly box: FaceApiBox }
  // biome-ignore lint/suspicious/noExplicitAny: face-api's own types would need its package at compile time.
  readonly landmarks: { align(detection: any, options: any): FaceApiBox }
}

/** How sure face-api's detector is of the face, 0..1: all that it says about a photo. */
export interface FaceApiMatcherQuality {
  readonly score: number
}

/** `source` of what the adapter answers: face-api's result, its descriptor included. */
export type FaceApiSource = RatedSource<FaceApiFaceLike & { readonly descriptor: Float32Array }, FaceApiMatcherQuality>

export interface FaceApiTensorLike {
  dispose(): void
}

/** The namespace of @vladmandic/face-api or face-api.js, its networks loaded and its backend chosen by the caller. */
export interface FaceApiLike {
  // biome-ignore-start lint/suspicious/noExplicitAny: the same for face-api's inputs and TensorFlow.js.
  readonly tf: { tensor(values: any, shape: any, dtype: any): FaceApiTensorLike }
  readonly nets: { readonly faceRecognitionNet: { computeFaceDescriptor(input: any): Promise<unknown> } }
  detectAllFaces(
    input: any,
    options?: any,
  ): { withFaceLandmarks(tiny?: boolean): { run(): Promise<readonly FaceApiFaceLike[]> } }
  extractFaceTensors(input: any, regions: any): Promise<FaceApiTensorLike[]>
  euclideanDistance(a: any, b: any): number
  readonly SsdMobilenetv1Options: new (
    options: any,
  ) => object
  // biome-ignore-end lint/suspicious/noExplicitAny: up to here
}

export interface FaceApiDetection {
  /** Options object of the detector to use. */
  readonly detector: object
  readonly tinyLandmarks: boolean
}

/** Room around the face, in boxes: the detectors want to see a whole head. */
const MARGIN = 0.8

/** Share of overlap from which a face is the one that the gate judged. */
const SAME_FACE = 0.2

/**
 * face-api's description of the probe's face, made as its `withFaceDescriptors()` makes it, but step by step: a failure in a chain of its tasks
 * is an unhandled rejection, and the awaited chain never ends. Only the surroundings of the face are looked at, so that in a photo of several
 * people no other can be described.
 * @throws DiffiqaError `no-face`, `matcher-invalid-answer`; whatever face-api throws.
 */
export async function describeWithFaceApi(api: FaceApiLike, how: FaceApiDetection, probe: Probe): Promise<Embedded> {
  const image = await probe.rgb()
  const expected = knownFace(probe)
  const region = expected ? regionAround(expected, MARGIN, image) : { left: 0, top: 0, ...image }
  const input = api.tf.tensor(cutRegion(image, region), [region.height, region.width, 3], 'int32')
  try {
    const faces = await api.detectAllFaces(input, how.detector).withFaceLandmarks(how.tinyLandmarks).run()
    const face = expected
      ? closest(faces, { ...expected, x: expected.x - region.left, y: expected.y - region.top })
      : largest(faces)
    if (!face) throw new DiffiqaError('no-face', 'face-api found no face where the gate found one')
    const descriptor = await describe(api, input, face)
    const matcherQuality = { score: face.detection.score }
    const source: FaceApiSource = { answer: { ...face, descriptor }, matcherQuality }
    return { embedding: descriptor, source }
  } finally {
    input.dispose()
  }
}

async function describe(api: FaceApiLike, input: FaceApiTensorLike, face: FaceApiFaceLike): Promise<Float32Array> {
  const crops = await api.extractFaceTensors(input, [face.landmarks.align(null, { useDlibAlignment: true })])
  try {
    const answer = await api.nets.faceRecognitionNet.computeFaceDescriptor(crops[0])
    const descriptor: unknown = Array.isArray(answer) ? answer[0] : answer
    if (!(descriptor instanceof Float32Array) || descriptor.length === 0)
      throw new DiffiqaError('matcher-invalid-answer', 'face-api gave no descriptor')
    return descriptor
  } finally {
    for (const crop of crops) crop.dispose()
  }
}

function overlap(a: FaceApiBox, b: Box): number {
  const w = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const h = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  if (w <= 0 || h <= 0) return 0
  return (w * h) / (a.width * a.height + b.width * b.height - w * h)
}

function closest(faces: readonly FaceApiFaceLike[], expected: Box): FaceApiFaceLike | undefined {
  const [best] = faces
    .map((face) => ({ face, share: overlap(face.detection.box, expected) }))
    .sort((a, b) => b.share - a.share)
  return best && best.share >= SAME_FACE ? best.face : undefined
}

function largest(faces: readonly FaceApiFaceLike[]): FaceApiFaceLike | undefined {
  const area = ({ detection: { box } }: FaceApiFaceLike): number => box.width * box.height
  return [...faces].sort((a, b) => area(b) - area(a))[0]
}
