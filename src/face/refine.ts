import { estimatePose } from './pose.ts'
import type { Face, Landmarks, Point, RgbImage, Transform } from './types.ts'
import { invert, mapPoint, TEMPLATE, umeyama } from './umeyama.ts'
import { warp } from './warp.ts'

/** Side of the patch in which a face is looked at again, pixels. */
const PATCH = 160
/** The template in the middle of the patch, small enough that hair and chin are in it too. */
const SHARE = 0.75
const HALF = PATCH / 2
const TARGET = TEMPLATE.map(({ x, y }) => ({ x: HALF + (x - 56) * SHARE, y: HALF + (y - 66) * SHARE }))
/** All patches of a face are cut from one copy of its surroundings, this much finer than a patch and wide enough to turn it. */
const FINER = 1.25
const COPY = 320
/** First look, degrees: both ways round too, for heads that are tilted more than their points tell. */
const TILTS = [0, -35, 35] as const
/** A turned patch has to be surer by this much. */
const MARGIN = 0.03
/** A look that is this sure needs no tilting. */
const SURE = 0.92
/** Later looks, degrees, from the points of the first: the mean of two is calmer than one, and more of them hardly calmer. */
const AGAIN = [-8, 8] as const
/** A second look that is much less sure than the first is not believed. */
const MAX_LOSS = 0.15

const centred = (face: Face): boolean => {
  const { x, y, width, height } = face.box
  return x < HALF && x + width > HALF && y < HALF && y + height > HALF
}

/** The first transform, then the second. */
function then([a, b, c, d, e, f]: Transform, [p, q, r, s, t, u]: Transform): Transform {
  return [p * a + q * d, p * b + q * e, p * c + q * f + r, s * a + t * d, s * b + t * e, s * c + t * f + u]
}

/** A turn around the middle of the patch. */
function turn(degrees: number): Transform {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  return [cos, -sin, HALF - cos * HALF + sin * HALF, sin, cos, HALF - sin * HALF - cos * HALF]
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
  const first = umeyama(face.landmarks, TARGET).transform
  const toCopy = then(first, [FINER, 0, COPY / 2 - FINER * HALF, 0, FINER, COPY / 2 - FINER * HALF])
  const copy = { width: COPY, height: COPY, data: warp(image, toCopy, COPY) }
  const fromCopy = invert(toCopy)

  const look = async (level: Transform, degrees: number): Promise<Look | undefined> => {
    const toPatch = then(level, turn(degrees))
    const data = warp(copy, then(fromCopy, toPatch), PATCH)
    const found = (await find({ width: PATCH, height: PATCH, data })).find(centred)
    if (!found || found.confidence < face.confidence - MAX_LOSS) return undefined
    const toPhoto = invert(toPatch)
    return { confidence: found.confidence, points: found.landmarks.map((point) => mapPoint(toPhoto, point)) }
  }

  let best: Look | undefined
  for (const degrees of TILTS) {
    if (best && best.confidence >= SURE) break
    const candidate = await look(first, degrees)
    if (candidate && (!best || candidate.confidence > best.confidence + MARGIN)) best = candidate
  }
  if (!best) return face

  const level = umeyama(best.points, TARGET).transform
  const looks: Look[] = []
  for (const degrees of AGAIN) {
    const one = await look(level, degrees)
    if (one) looks.push(one)
  }
  return withPoints(face, looks.length > 0 ? meanPoints(looks) : best.points)
}
