import { DiffiqaError } from '../errors.ts'
import type { Face, Point } from '../face/types.ts'
import { photoReason } from '../quality/reasons.ts'

export type FaceSelection = 'one' | 'largest' | 'all'

/** Eye distance over the distance from the eyes' middle to the mouth's, in the frontal template. */
const EYES_PER_EYE_MOUTH = 35.24 / 40.7

const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })

/**
 * How far apart the eyes would be if the face looked into the camera: turning the head brings the eyes together in the image but leaves
 * the distance from eyes to mouth, and a large profile is not a small face.
 */
export function faceSize({ landmarks, interEyeDistance }: Face): number {
  const eyes = middle(landmarks[0], landmarks[1])
  const mouth = middle(landmarks[3], landmarks[4])
  return Math.max(interEyeDistance, EYES_PER_EYE_MOUTH * Math.hypot(eyes.x - mouth.x, eyes.y - mouth.y))
}

/**
 * The faces that count. Those below the minimum size are bystanders: never judged, and never the reason for `several-faces`.
 * @param faces Largest first.
 * @param minInterEye Smallest `faceSize()` that counts, in pixels.
 * @returns one face for `one` and `largest`, every one that is large enough for `all`.
 * @throws DiffiqaError `no-face`, `face-too-small`, `several-faces`; details.reasons has the advice, details.faces the number found.
 */
export function selectFaces(faces: readonly Face[], selection: FaceSelection, minInterEye: number): Face[] {
  const refuse = (
    code: 'no-face' | 'face-too-small' | 'several-faces',
    reason: ReturnType<typeof photoReason>,
  ): never => {
    throw new DiffiqaError(code, undefined, { details: { reasons: [reason], faces: faces.length } })
  }
  const [largest] = faces
  if (!largest) return refuse('no-face', photoReason('no_face'))
  const large = faces.filter((face) => faceSize(face) >= minInterEye)
  if (large.length === 0) {
    const value = Math.round(Math.max(...faces.map(faceSize)) * 10) / 10
    return refuse('face-too-small', photoReason('too_small', { value, threshold: minInterEye }))
  }
  if (selection === 'all') return large
  if (selection === 'one' && large.length > 1)
    return refuse('several-faces', photoReason('several_faces', { value: large.length, threshold: 1 }))
  return large.slice(0, 1)
}
