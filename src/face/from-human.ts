import { DiffiqaError } from '../errors.ts'
import { estimatePose } from './pose.ts'
import type { Face, Landmarks, Point } from './types.ts'

/** The part of @vladmandic/human's result that is read. */
export interface HumanResultLike {
  readonly error?: string | null
  readonly face: readonly {
    readonly box: readonly number[]
    readonly score?: number
    readonly boxScore?: number
    readonly mesh?: readonly (readonly (number | undefined)[])[]
  }[]
}

// Indices into MediaPipe's face mesh; "left" is the image's left.
const EYE_LEFT = [33, 133, 159, 145]
const EYE_RIGHT = [362, 263, 386, 374]
const NOSE_TIP = [1]
const MOUTH_LEFT = [61]
const MOUTH_RIGHT = [291]
const LIDS = { left: [159, 145, 33, 133], right: [386, 374, 362, 263] } as const
const LIPS = [13, 14, 61, 291] as const
const MESH_POINTS = 468

type Mesh = readonly (readonly (number | undefined)[])[]

const at = (mesh: Mesh, index: number): Point => ({ x: mesh[index]?.[0] as number, y: mesh[index]?.[1] as number })

function centre(mesh: Mesh, indices: readonly number[]): Point {
  const points = indices.map((index) => at(mesh, index))
  return {
    x: points.reduce((sum, p) => sum + p.x, 0) / points.length,
    y: points.reduce((sum, p) => sum + p.y, 0) / points.length,
  }
}

const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y)

/** Height of an opening over its width. */
function opening(mesh: Mesh, [top, bottom, left, right]: readonly [number, number, number, number]): number {
  return distance(at(mesh, top), at(mesh, bottom)) / Math.max(1e-6, distance(at(mesh, left), at(mesh, right)))
}

/**
 * Use the faces that Human has found already, so that detection runs only once. Pass them to
 * `gate.assess(photo, { detected: fromHuman(result) })` together with the same upright photo.
 * @param result What `human.detect()` answered; the face mesh has to be enabled (it is by default).
 * @returns faces in photo pixels, largest first.
 * @throws DiffiqaError `invalid-option` when Human reported an error or its faces carry no mesh.
 */
export function fromHuman(result: HumanResultLike): Face[] {
  if (result.error) throw new DiffiqaError('invalid-option', `Human reported: ${result.error}`)
  return result.face
    .map((face): Face => {
      const mesh = face.mesh ?? []
      const [x, y, width, height] = face.box
      if (mesh.length < MESH_POINTS || [x, y, width, height].some((value) => !Number.isFinite(value)))
        throw new DiffiqaError('invalid-option', "Human's result has no face mesh: enable config.face.mesh")
      const landmarks: Landmarks = [
        centre(mesh, EYE_LEFT),
        centre(mesh, EYE_RIGHT),
        centre(mesh, NOSE_TIP),
        centre(mesh, MOUTH_LEFT),
        centre(mesh, MOUTH_RIGHT),
      ]
      return {
        box: { x: x as number, y: y as number, width: width as number, height: height as number },
        confidence: Math.min(1, Math.max(0, face.boxScore ?? face.score ?? 0)),
        landmarks,
        interEyeDistance: distance(landmarks[0], landmarks[1]),
        pose: estimatePose(landmarks),
        eyesOpen: (opening(mesh, LIDS.left) + opening(mesh, LIDS.right)) / 2,
        mouthClosed: 1 - Math.min(1, opening(mesh, LIPS)),
      }
    })
    .sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)
}
