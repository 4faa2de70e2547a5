import type { AlignedFace } from '../../face/types.ts'
import type { Measures } from '../types.ts'

/**
 * What the face's points tell.
 * @returns `inter-eye-distance` in photo pixels; `head-pose-yaw`, `-pitch`, `-roll` in degrees; `alignment-residual`, how far the points
 * miss those of a frontal face, in crop pixels; `eyes-open` and `mouth-closed` 0..1 where the caller's detector had a mesh.
 */
export function geometryMeasures({ face, residual }: AlignedFace): Measures {
  return {
    'inter-eye-distance': face.interEyeDistance,
    'head-pose-yaw': face.pose.yaw,
    'head-pose-pitch': face.pose.pitch,
    'head-pose-roll': face.pose.roll,
    'alignment-residual': residual,
    ...(face.eyesOpen !== undefined && { 'eyes-open': Math.min(1, Math.max(0, face.eyesOpen)) }),
    ...(face.mouthClosed !== undefined && { 'mouth-closed': Math.min(1, Math.max(0, face.mouthClosed)) }),
  }
}
