import type { HeadPose, Landmarks, Point } from './types.ts'

// A mean head in units of the eye distance, eyes at the origin's height and depth 0.
const NOSE_DEPTH = 0.45
const NOSE_DROP = 0.62
const MOUTH_DROP = 1.15
const MOUTH_DEPTH = 0.1

const DEGREES = 180 / Math.PI
const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })

/**
 * Head pose from five points, by where the nose tip lies between the eyes and the mouth of a mean head seen from far
 * away. Good to some ten degrees: enough to say "turn to the camera", not to measure.
 */
export function estimatePose(landmarks: Landmarks): HeadPose {
  const [left, right, nose, mouthLeft, mouthRight] = landmarks
  const eyes = middle(left, right)
  const mouth = middle(mouthLeft, mouthRight)
  const roll = Math.atan2(right.y - left.y, right.x - left.x)
  const [cos, sin] = [Math.cos(-roll), Math.sin(-roll)]
  const upright = (p: Point): Point => ({
    x: cos * (p.x - eyes.x) - sin * (p.y - eyes.y),
    y: sin * (p.x - eyes.x) + cos * (p.y - eyes.y),
  })
  const n = upright(nose)
  const m = upright(mouth)
  // Width shrinks with the cosine of yaw, height does not: the larger of both is the scale of the head.
  const scale = Math.max(Math.hypot(right.x - left.x, right.y - left.y), Math.abs(m.y) / MOUTH_DROP, 1e-6)
  const sideways = (n.x - m.x / 2) / scale / NOSE_DEPTH
  const yaw = Math.asin(Math.max(-1, Math.min(1, sideways)))
  const share = Math.abs(m.y) < 1e-6 ? NOSE_DROP / MOUTH_DROP : n.y / m.y
  const pitch = Math.atan((share * MOUTH_DROP - NOSE_DROP) / (NOSE_DEPTH - share * MOUTH_DEPTH))
  return { yaw: yaw * DEGREES, pitch: pitch * DEGREES, roll: roll * DEGREES }
}
