import { estimatePose } from './pose.ts'
import type { Face, Landmarks, RgbImage, Transform } from './types.ts'
import { invert, mapPoint, TEMPLATE, umeyama } from './umeyama.ts'
import { warp } from './warp.ts'

/** Side of the patch in which a face is looked at again, pixels. */
const PATCH = 160
/** The template in the middle of the patch, small enough that hair and chin are in it too. */
const SHARE = 0.75
const TARGET = TEMPLATE.map(({ x, y }) => ({ x: 80 + (x - 56) * SHARE, y: 80 + (y - 66) * SHARE }))
/** Turns of the patch, degrees: the first look tries both ways round, for heads that are tilted more than their points tell. */
const LOOKS = [[0, -35, 35], [0]] as const
/** A turned patch has to be surer by this much. */
const MARGIN = 0.01
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

function carryBack(found: Face, toPhoto: Transform): Pick<Face, 'landmarks' | 'interEyeDistance' | 'pose'> {
  const landmarks = found.landmarks.map((point) => mapPoint(toPhoto, point)) as unknown as Landmarks
  return {
    landmarks,
    interEyeDistance: Math.hypot(landmarks[1].x - landmarks[0].x, landmarks[1].y - landmarks[0].y),
    pose: estimatePose(landmarks),
  }
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
  let refined = face
  for (const angles of LOOKS) {
    const { transform } = umeyama(refined.landmarks, TARGET)
    let mark = face.confidence - MAX_LOSS
    let better: Face | undefined
    for (const degrees of angles) {
      const toPatch = turned(transform, degrees)
      const patch = { width: PATCH, height: PATCH, data: warp(image, toPatch, PATCH) }
      const found = (await find(patch)).find(centred)
      if (!found || found.confidence <= mark) continue
      mark = found.confidence + MARGIN
      better = { ...refined, ...carryBack(found, invert(toPatch)) }
    }
    if (!better) return refined
    refined = better
  }
  return refined
}
