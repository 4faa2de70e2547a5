import { estimatePose } from './pose.ts'
import type { Face, Landmarks, Point, RgbImage } from './types.ts'

/** Quarter turns, clockwise. */
export type QuarterTurns = 0 | 1 | 2 | 3

/** Turn an image clockwise by quarter turns. */
export function turnImage(image: RgbImage, turns: QuarterTurns): RgbImage {
  if (turns === 0) return image
  const swapped = turns % 2 === 1
  const width = swapped ? image.height : image.width
  const height = swapped ? image.width : image.height
  const data = new Uint8Array(image.data.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = sourceOf({ x, y }, image, turns)
      const source = (from.y * image.width + from.x) * 3
      const target = (y * width + x) * 3
      data[target] = image.data[source] as number
      data[target + 1] = image.data[source + 1] as number
      data[target + 2] = image.data[source + 2] as number
    }
  }
  return { width, height, data }
}

/** Where a point of the turned image lies in the original. */
function sourceOf({ x, y }: Point, original: Pick<RgbImage, 'width' | 'height'>, turns: QuarterTurns): Point {
  switch (turns) {
    case 1:
      return { x: y, y: original.height - 1 - x }
    case 2:
      return { x: original.width - 1 - x, y: original.height - 1 - y }
    case 3:
      return { x: original.width - 1 - y, y: x }
    default:
      return { x, y }
  }
}

/** Carry a face that was found in a turned image back to the original's pixels. */
export function turnFaceBack(face: Face, original: Pick<RgbImage, 'width' | 'height'>, turns: QuarterTurns): Face {
  if (turns === 0) return face
  const { x, y, width, height } = face.box
  const a = sourceOf({ x, y }, original, turns)
  const b = sourceOf({ x: x + width, y: y + height }, original, turns)
  const landmarks = face.landmarks.map((p) => sourceOf(p, original, turns)) as unknown as Landmarks
  return {
    ...face,
    box: { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) },
    landmarks,
    pose: estimatePose(landmarks),
  }
}
