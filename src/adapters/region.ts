import type { Box } from '../face/types.ts'

/** A rectangle of whole pixels inside a photo. */
export interface Region {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/**
 * The face with room around it: `margin` × the box's size on each side, cut at the photo's edges. At least one pixel wide and high, also for
 * a box that lies outside.
 */
export function regionAround(box: Box, margin: number, photo: { width: number; height: number }): Region {
  const clamp = (value: number, max: number): number => Math.min(Math.max(Math.round(value), 0), max)
  const left = clamp(box.x - box.width * margin, photo.width - 1)
  const top = clamp(box.y - box.height * margin, photo.height - 1)
  const right = clamp(box.x + box.width * (1 + margin), photo.width)
  const bottom = clamp(box.y + box.height * (1 + margin), photo.height)
  return { left, top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) }
}
