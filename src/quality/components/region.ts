import { CROP_SIZE } from '../../face/align.ts'
import type { Point, RgbImage, Transform } from '../../face/types.ts'
import { invert, mapPoint } from '../../face/umeyama.ts'

/** An ellipse in crop pixels. */
interface Ellipse {
  readonly x: number
  readonly y: number
  readonly rx: number
  readonly ry: number
}

/** Skin, eyes and mouth of an aligned face, without hair and background. */
const SKIN: Ellipse = { x: 56, y: 68, rx: 34, ry: 42 }
/** The whole head from hairline to chin. */
const HEAD: Ellipse = { x: 56, y: 62, rx: 42, ry: 52 }

function inEllipse({ x, y, rx, ry }: Ellipse): number[] {
  const found: number[] = []
  for (let row = 0; row < CROP_SIZE; row++) {
    for (let column = 0; column < CROP_SIZE; column++) {
      if (((column - x) / rx) ** 2 + ((row - y) / ry) ** 2 <= 1) found.push(row * CROP_SIZE + column)
    }
  }
  return found
}

const SKIN_PIXELS = inEllipse(SKIN)
const HEAD_PIXELS = inEllipse(HEAD)

const inside = ({ x, y }: Point, { width, height }: RgbImage): boolean =>
  x > -0.5 && y > -0.5 && x < width - 0.5 && y < height - 0.5

/** The crop's corners in the photo. */
const corners = (toImage: Transform): Point[] =>
  [0, CROP_SIZE - 1].flatMap((x) => [0, CROP_SIZE - 1].map((y) => mapPoint(toImage, { x, y })))

function seen(pixels: readonly number[], image: RgbImage, toImage: Transform): readonly number[] {
  return pixels.filter((index) =>
    inside(mapPoint(toImage, { x: index % CROP_SIZE, y: Math.floor(index / CROP_SIZE) }), image),
  )
}

export interface Region {
  /** Indices (row · 112 + column) of the skin's crop pixels that lie inside the photo. */
  readonly skin: readonly number[]
  /** Share of the head that lies inside the photo, 0..1. */
  readonly visible: number
}

/** Which part of the aligned face the photo shows; the rest of the crop is black border and must not be measured. */
export function faceRegion(image: RgbImage, transform: Transform): Region {
  const toImage = invert(transform)
  // The usual case: the photo holds the whole crop.
  if (corners(toImage).every((corner) => inside(corner, image))) return { skin: SKIN_PIXELS, visible: 1 }
  return {
    skin: seen(SKIN_PIXELS, image, toImage),
    visible: seen(HEAD_PIXELS, image, toImage).length / HEAD_PIXELS.length,
  }
}
