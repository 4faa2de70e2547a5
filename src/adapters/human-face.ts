import { DiffiqaError } from '../errors.ts'
import type { Box } from '../face/types.ts'
import type { Embedded } from './embedding-matcher.ts'
import type { Probe } from './matcher.ts'
import type { RatedSource } from './rated-source.ts'
import { cutRegion, knownFace, regionAround } from './region.ts'

/** The part of Human's face result that is read; the whole object is handed on as `source.answer`. */
export interface HumanFaceLike {
  /** x, y, width, height in pixels of the tensor. */
  readonly box: readonly number[]
  readonly embedding?: readonly number[]
  readonly boxScore?: number | undefined
  readonly faceScore?: number | undefined
  readonly real?: number | undefined
  readonly live?: number | undefined
}

export interface HumanTensorLike {
  dispose(): void
}

/** An instance of @vladmandic/human, models and backend configured by the caller. */
export interface HumanLike {
  // biome-ignore lint/suspicious/noExplicitAny: Human's own parameter types would need its package at compile time.
  detect(input: any, config?: any): Promise<{ readonly error?: string | null; readonly face: readonly HumanFaceLike[] }>
  readonly match: {
    similarity(
      a: number[],
      b: number[],
      options: { order: number; threshold: number; multiplier: number; min: number; max: number },
    ): number
  }
  // biome-ignore lint/suspicious/noExplicitAny: the same for TensorFlow.js.
  readonly tf: { tensor(values: any, shape: any, dtype: any): HumanTensorLike }
}

/** What Human says of the photo itself, each 0..1; undefined where its model is off. */
export type HumanMatcherQuality = Pick<HumanFaceLike, 'boxScore' | 'faceScore' | 'real' | 'live'>

/** `source` of what the adapter answers: Human's face result, untouched. */
export type HumanSource = RatedSource<HumanFaceLike, HumanMatcherQuality>

/** Makes Human's input of height × width × 3 RGB bytes. */
export type MakeTensor = (rgb: Uint8Array, width: number, height: number) => HumanTensorLike

/** Room around the face, in boxes: Human's detector wants to see a whole head. */
const MARGIN = 0.5

/**
 * Human's description of the probe's face. It sees the surroundings of that face only, so that in a photo of several people it cannot
 * describe another one.
 * @throws DiffiqaError `no-face`, `matcher-failed`, `matcher-invalid-answer`.
 */
export async function describeFace(instance: HumanLike, tensor: MakeTensor, probe: Probe): Promise<Embedded> {
  const image = await probe.rgb()
  const expected = knownFace(probe)
  const region = expected ? regionAround(expected, MARGIN, image) : { left: 0, top: 0, ...image }
  const input = tensor(cutRegion(image, region), region.width, region.height)
  try {
    const { error, face: faces } = await instance.detect(input, { cacheSensitivity: 0 })
    if (error) throw new DiffiqaError('matcher-failed', 'Human reported an error', { cause: new Error(error) })
    const face = expected
      ? closest(faces, { ...expected, x: expected.x - region.left, y: expected.y - region.top })
      : largest(faces)
    if (!face) throw new DiffiqaError('no-face', 'Human found no face where the gate found one')
    if (!face.embedding?.length)
      throw new DiffiqaError('matcher-invalid-answer', 'Human gave no embedding: enable config.face.description')
    const { boxScore, faceScore, real, live } = face
    const source: HumanSource = { answer: face, matcherQuality: { boxScore, faceScore, real, live } }
    return { embedding: face.embedding, source }
  } finally {
    input.dispose()
  }
}

const area = (box: readonly number[]): number => (box[2] ?? 0) * (box[3] ?? 0)

function overlap(box: readonly number[], other: Box): number {
  const [x = 0, y = 0, width = 0, height = 0] = box
  const w = Math.min(x + width, other.x + other.width) - Math.max(x, other.x)
  const h = Math.min(y + height, other.y + other.height) - Math.max(y, other.y)
  if (w <= 0 || h <= 0) return 0
  return (w * h) / (width * height + other.width * other.height - w * h)
}

function closest(faces: readonly HumanFaceLike[], expected: Box): HumanFaceLike | undefined {
  const ranked = faces.map((face) => ({ face, share: overlap(face.box, expected) })).sort((a, b) => b.share - a.share)
  return ranked[0] && ranked[0].share > 0 ? ranked[0].face : undefined
}

function largest(faces: readonly HumanFaceLike[]): HumanFaceLike | undefined {
  return [...faces].sort((a, b) => area(b.box) - area(a.box))[0]
}
