import { estimatePose } from './pose.ts'
import type { Face, Landmarks, Point, RgbImage, Transform } from './types.ts'
import { invert, mapPoint, TEMPLATE, umeyama } from './umeyama.ts'
import { warp } from './warp.ts'

/** Side of the patch in which a face is looked at again, pixels. */
const PATCH = 160
/** The template in the middle of the patch, small enough that hair and chin are in it too. */
const SHARE = 0.75
const TARGET = TEMPLATE.map(({ x, y }) => ({ x: 80 + (x - 56) * SHARE, y: 80 + (y - 66) * SHARE }))
/** First look, degrees: both ways round too, for heads that are tilted more than their points tell. */
const TILTS = [0, -35, 35] as const
/** A turned patch has to be surer by this much. */
const MARGIN = 0.03
/** Second look, degrees: the mean of several is calmer than one. */
const JITTER = [0, -8, 8] as const
/** Each round starts from the points of the last. */
const ROUNDS = 2
/** A second look that is much less sure than the first is not believed. */
const MAX_LOSS = 0.15

const centred = (face: Face): boolean => {
  const { x, y, width, height } = face.box
  return x < 80 && x + width > 80 && y < 80 && y + height > 80
}

/** The transform followed by a turn around the middle of the patch. */
function turned([a, b, c, d, e, f]: Transform, degrees: number): Transform {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  const half = PATCH / 2
  return [
    cos * a - sin * d,
    cos * b - sin * e,
    cos * (c - half) - sin * (f - half) + half,
    sin * a + cos * d,
    sin * b + cos * e,
    sin * (c - half) + cos * (f - half) + half,
  ]
}

interface Look {
  readonly confidence: number
  /** In pixels of the photo. */
  readonly points: readonly Point[]
}

function withPoints(face: Face, points: readonly Point[]): Face {
  const landmarks = points as unknown as Landmarks
  return {
    ...face,
    landmarks,
    interEyeDistance: Math.hypot(landmarks[1].x - landmarks[0].x, landmarks[1].y - landmarks[0].y),
    pose: estimatePose(landmarks),
  }
}

function meanPoints(looks: readonly Look[]): Point[] {
  const mean = (of: (look: Look) => number): number => looks.reduce((sum, look) => sum + of(look), 0) / looks.length
  return TEMPLATE.map((_, i) => ({ x: mean((l) => l.points[i]?.x ?? 0), y: mean((l) => l.points[i]?.y ?? 0) }))
}

/**
 * Find a face's five points again in a patch that is turned, scaled and centred by the points found first. In tilted heads the detector
 * draws the points towards upright ones; and in photos of any size, crop or tilt the patch looks the same, so the points do too.
 * @param find Detection in a patch.
 * @returns the face with better points; box and confidence stay those of the first look.
 */
export async function refine(
  image: RgbImage,
  face: Face,
  find: (patch: RgbImage) => Promise<readonly Face[]>,
): Promise<Face> {
  const look = async (from: Transform, degrees: number): Promise<Look | undefined> => {
    const toPatch = turned(from, degrees)
    const found = (await find({ width: PATCH, height: PATCH, data: warp(image, toPatch, PATCH) })).find(centred)
    if (!found || found.confidence < face.confidence - MAX_LOSS) return undefined
    const toPhoto = invert(toPatch)
    return { confidence: found.confidence, points: found.landmarks.map((point) => mapPoint(toPhoto, point)) }
  }

  const first = umeyama(face.landmarks, TARGET).transform
  let best: Look | undefined
  for (const degrees of TILTS) {
    const candidate = await look(first, degrees)
    if (candidate && (!best || candidate.confidence > best.confidence + MARGIN)) best = candidate
  }
  if (!best) return face

  let points = best.points
  for (let round = 0; round < ROUNDS; round++) {
    const level = umeyama(points, TARGET).transform
    const looks: Look[] = []
    for (const degrees of JITTER) {
      const one = await look(level, degrees)
      if (one) looks.push(one)
    }
    if (looks.length > 0) points = meanPoints(looks)
  }
  return withPoints(face, points)
}
