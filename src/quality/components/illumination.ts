import type { RgbImage, Transform } from '../../face/types.ts'
import { TEMPLATE } from '../../face/umeyama.ts'
import { warp } from '../../face/warp.ts'
import { luminanceHistogram } from './luminance.ts'

/** The zones are read four times finer than the crop: a histogram of 256 bins needs more pixels than the crop has there. */
const ZOOM = 4

const [EYE_LEFT, EYE_RIGHT, , MOUTH_LEFT, MOUTH_RIGHT] = TEMPLATE
const EYES = EYE_RIGHT.x - EYE_LEFT.x
const SIDE = EYES * 0.3
const TOP = (EYE_LEFT.y + EYE_RIGHT.y) / 2 + ((MOUTH_LEFT.y + MOUTH_RIGHT.y) / 2 - (EYE_LEFT.y + EYE_RIGHT.y) / 2) / 2
const SIZE = Math.round(SIDE * ZOOM)
const ALL = Array.from({ length: SIZE * SIZE }, (_, index) => index)

function zone(image: RgbImage, [a, b, c, d, e, f]: Transform, left: number): Uint8Array {
  const toZone: Transform = [a * ZOOM, b * ZOOM, (c - left) * ZOOM, d * ZOOM, e * ZOOM, (f - TOP) * ZOOM]
  return warp(image, toZone, SIZE)
}

/**
 * How evenly both cheeks are lit: the common part of the luminance histograms of two square zones, 0.3 eye distances wide, outwards of
 * the eye centres and half-way down to the mouth (ISO/IEC 29794-5:2025, illumination uniformity).
 * @returns 0 (nothing in common) to 1 (the same).
 */
export function illuminationUniformity(image: RgbImage, transform: Transform): number {
  const left = luminanceHistogram(zone(image, transform, EYE_LEFT.x - SIDE), ALL)
  const right = luminanceHistogram(zone(image, transform, EYE_RIGHT.x), ALL)
  let common = 0
  for (const [bin, share] of left.entries()) common += Math.min(share, right[bin] as number)
  return Math.min(1, common)
}
