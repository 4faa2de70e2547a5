import type { TensorModel } from '../inference/tensor-model.ts'
import { estimatePose } from './pose.ts'
import { refine } from './refine.ts'
import { resize } from './resize.ts'
import { type QuarterTurns, turnFaceBack, turnImage } from './turn.ts'
import type { Face, Landmarks, Point, RgbImage } from './types.ts'
import { type Detection, decodeYunet, suppress } from './yunet-decode.ts'

export interface DetectorOptions {
  /**
   * Longest side of the detector's input in pixels; larger photos are shrunk to it. Unless `refine` is off, a first look at 320
   * decides in these where it shows one large face.
   * @default 640
   */
  readonly maxSide?: number
  /** Detections below are dropped, 0..1. @default 0.6 */
  readonly minConfidence?: number
  /** Boxes that overlap a better one by more (intersection over union) are dropped. @default 0.3 */
  readonly maxOverlap?: number
  /** Look again at each face for more exact points. @default true */
  readonly refine?: boolean
}

export interface DetectOptions {
  /** Called before each look, of which a crowd takes hundreds; what it throws ends the search. */
  readonly checkpoint?: () => void
  /** The largest faces get the exact points; a crowd of a hundred takes seconds. @default all of them */
  readonly refineAtMost?: number
}

export interface Detector {
  /**
   * Find every face, heads lying sideways or upside down included; their `pose.roll` tells.
   * @returns faces in pixels of the photo, largest first.
   */
  detect(image: RgbImage, options?: DetectOptions): Promise<Face[]>
}

/** Photos that are all face have no context for the detector; this share of the longest side is added around them. */
const BORDER = 0.25

/**
 * YuNet sees a face in most sideways and upside-down heads, but with invented points and less confidence than in the same head
 * upright. Below SURE the other three orientations are tried, and one that is better by MARGIN is believed.
 */
const SURE = 0.9
const MARGIN = 0.04

/**
 * A photo larger than the input is first looked at this small, which takes an eighth of the time. One face that is sure and this large there (longest
 * side of its box, detector pixels) needs no closer look, since its points are found again anyway; a second face that only the closer
 * look would show is a sixth of its size or less.
 */
const FIRST_SIDE = 320
const LARGE = 64

/**
 * Borders and other orientations of a photo longer than this many inputs are made of a smaller copy: those of 50 megapixels take seconds
 * of the engine's time, and those of a strip of one pixel's height do not fit into memory.
 */
const COPY_INPUTS = 2

const best = (faces: readonly Face[]): number => Math.max(0, ...faces.map((face) => face.confidence))

/** YuNet reads blue, green, red, 0..255, channel by channel. */
function toTensor(image: RgbImage, width: number, height: number): Float32Array {
  const plane = width * height
  const data = new Float32Array(plane * 3)
  for (let y = 0; y < image.height; y++) {
    let source = y * image.width * 3
    let target = y * width
    for (let x = 0; x < image.width; x++, source += 3, target++) {
      data[target] = image.data[source + 2] as number
      data[plane + target] = image.data[source + 1] as number
      data[2 * plane + target] = image.data[source] as number
    }
  }
  return data
}

function withBorder(image: RgbImage, border: number): RgbImage {
  const width = image.width + 2 * border
  const height = image.height + 2 * border
  const data = new Uint8Array(width * height * 3).fill(128)
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3)
    data.set(row, ((y + border) * width + border) * 3)
  }
  return { width, height, data }
}

const multipleOf32 = (value: number): number => Math.max(32, Math.ceil(value / 32) * 32)

/** Detector pixels to photo pixels; pixel centres lie at whole numbers on both sides. */
function toFace(detection: Detection, scaleX: number, scaleY: number, offset: number): Face {
  const mapX = (x: number): number => (x + 0.5) * scaleX - 0.5 - offset
  const mapY = (y: number): number => (y + 0.5) * scaleY - 0.5 - offset
  const landmarks = [0, 1, 2, 3, 4].map(
    (i): Point => ({ x: mapX(detection.points[2 * i] as number), y: mapY(detection.points[2 * i + 1] as number) }),
  ) as unknown as Landmarks
  return {
    box: {
      x: mapX(detection.x),
      y: mapY(detection.y),
      width: detection.width * scaleX,
      height: detection.height * scaleY,
    },
    confidence: detection.score,
    landmarks,
    interEyeDistance: Math.hypot(landmarks[1].x - landmarks[0].x, landmarks[1].y - landmarks[0].y),
    pose: estimatePose(landmarks),
  }
}

/** A face that was found in a smaller copy of the photo. */
function enlarge(face: Face, scaleX: number, scaleY: number): Face {
  const { x, y, width, height } = face.box
  const map = (p: Point): Point => ({ x: (p.x + 0.5) * scaleX - 0.5, y: (p.y + 0.5) * scaleY - 0.5 })
  const landmarks = face.landmarks.map(map) as unknown as Landmarks
  return {
    ...face,
    box: { ...map({ x, y }), width: width * scaleX, height: height * scaleY },
    landmarks,
    interEyeDistance: Math.hypot(landmarks[1].x - landmarks[0].x, landmarks[1].y - landmarks[0].y),
  }
}

const longestSide = ({ width, height }: Pick<RgbImage, 'width' | 'height'>): number => Math.max(width, height)

const suffices = ({ confidence, box }: Face, photo: RgbImage): boolean =>
  confidence >= SURE && (longestSide(box) * FIRST_SIDE) / longestSide(photo) >= LARGE

/** A face whose points coincide cannot be aligned. */
const alignable = (face: Face): boolean => face.interEyeDistance > 1 && Number.isFinite(face.interEyeDistance)

/**
 * YuNet as a detector.
 * @param model The detector network; its input height and width are free multiples of 32.
 */
export function createDetector(model: TensorModel, options: DetectorOptions = {}): Detector {
  const { maxSide = 640, minConfidence = 0.6, maxOverlap = 0.3, refine: again = true } = options

  async function pass(image: RgbImage, offset: number, longest = maxSide): Promise<Face[]> {
    const shrink = Math.min(1, longest / longestSide(image))
    const small = await resize(
      image,
      Math.max(1, Math.round(image.width * shrink)),
      Math.max(1, Math.round(image.height * shrink)),
    )
    const width = multipleOf32(small.width)
    const height = multipleOf32(small.height)
    const outputs = await model.run({ input: { data: toTensor(small, width, height), dims: [1, 3, height, width] } })
    return suppress(decodeYunet(outputs, width, minConfidence), maxOverlap)
      .map((detection) => toFace(detection, image.width / small.width, image.height / small.height, offset))
      .filter(alignable)
      .sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)
  }

  /** As the photo lies. */
  async function look(image: RgbImage): Promise<Face[]> {
    const glance = again && longestSide(image) > maxSide ? await pass(image, 0, Math.min(FIRST_SIDE, maxSide)) : []
    if (glance.length === 1 && suffices(glance[0] as Face, image)) return glance
    return pass(image, 0)
  }

  /** Harder, where there is no face or no sure one: with a border, for photos without context, and in the other orientations. */
  async function lookHarder(image: RgbImage, seen: readonly Face[], checkpoint: () => void): Promise<readonly Face[]> {
    let faces = seen
    if (faces.length === 0) {
      checkpoint()
      const border = Math.round(BORDER * longestSide(image))
      faces = await pass(withBorder(image, border), border)
      if (best(faces) >= SURE) return faces
    }
    let mark = best(faces) + MARGIN
    for (const turns of [1, 2, 3] as const satisfies readonly QuarterTurns[]) {
      checkpoint()
      const turned = await pass(turnImage(image, turns), 0)
      if (best(turned) <= mark) continue
      mark = best(turned)
      faces = turned.map((face) => turnFaceBack(face, image, turns))
    }
    return faces
  }

  async function search(image: RgbImage, checkpoint: () => void): Promise<readonly Face[]> {
    checkpoint()
    const faces = await look(image)
    if (best(faces) >= SURE) return faces
    const shrink = Math.min(1, (COPY_INPUTS * maxSide) / longestSide(image))
    const copy = await resize(
      image,
      Math.max(1, Math.round(image.width * shrink)),
      Math.max(1, Math.round(image.height * shrink)),
    )
    if (copy === image) return lookHarder(image, faces, checkpoint)
    const [scaleX, scaleY] = [image.width / copy.width, image.height / copy.height]
    const shrunk = faces.map((face) => enlarge(face, 1 / scaleX, 1 / scaleY))
    const found = await lookHarder(copy, shrunk, checkpoint)
    return found === shrunk ? faces : found.map((face) => enlarge(face, scaleX, scaleY))
  }

  return {
    async detect(image, { checkpoint = () => {}, refineAtMost = Number.POSITIVE_INFINITY } = {}) {
      const faces = await search(image, checkpoint)
      if (!again) return [...faces]
      const refined: Face[] = []
      for (const face of faces.slice(0, refineAtMost)) {
        checkpoint()
        refined.push(await refine(image, face, (patch) => pass(patch, 0)))
      }
      return [...refined, ...faces.slice(refineAtMost)]
    },
  }
}
