import type { AlignedFace, Face, RgbImage } from './types.ts'
import { TEMPLATE, umeyama } from './umeyama.ts'
import { warp } from './warp.ts'

/** Side of every crop in pixels. */
export const CROP_SIZE = 112

/** Cut one face out of a photo, its five points mapped onto the ArcFace template as well as a similarity can. */
export function align(image: RgbImage, face: Face): AlignedFace {
  const { transform, residual } = umeyama(face.landmarks, TEMPLATE)
  return { pixels: warp(image, transform, CROP_SIZE), transform, residual, face }
}
