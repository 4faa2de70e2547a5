import type { Box, RgbImage } from '../face/types.ts'
import type { Probe } from './matcher.ts'

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

/** The pixels of a region; the image's own where the region is all of it. */
export function cutRegion(image: RgbImage, region: Region): Uint8Array {
  if (region.width === image.width && region.height === image.height) return image.data
  const row = region.width * 3
  const data = new Uint8Array(region.height * row)
  for (let y = 0; y < region.height; y++) {
    const start = ((region.top + y) * image.width + region.left) * 3
    data.set(image.data.subarray(start, start + row), y * row)
  }
  return data
}

/** The box of the face that the gate judged; a photo that was passed on without a score has no known face. */
export function knownFace(probe: Probe): Box | undefined {
  try {
    return probe.face.box
  } catch {
    return undefined
  }
}
