import type { Box, RgbImage } from '../../face/types.ts'

/** JPEG, and most video, code the picture in squares of eight. */
const BLOCK = 8
/** Faces with fewer pixels hold too few block edges to tell. */
const MIN_SIDE = 48
/** Rows beyond add cost, not certainty. */
const MAX_LINES = 96

const GREEN = 1

/** Mean jump between neighbours, for each of the eight places that a block edge may have. */
function jumps(
  image: RgbImage,
  { x, y, width, height }: Box,
  across: 'columns' | 'rows',
): { readonly at: readonly number[] } {
  const sums = new Array<number>(BLOCK).fill(0)
  const counts = new Array<number>(BLOCK).fill(0)
  const [length, lines] = across === 'columns' ? [width, height] : [height, width]
  const stride = (across === 'columns' ? 1 : image.width) * 3
  const lineStride = (across === 'columns' ? image.width : 1) * 3
  const start = (y * image.width + x) * 3 + GREEN
  const offset = across === 'columns' ? x : y
  const skip = Math.max(1, Math.floor(lines / MAX_LINES))
  for (let line = 0; line < lines; line += skip) {
    const base = start + line * lineStride
    for (let p = 1; p < length; p++) {
      const here = base + p * stride
      const phase = (offset + p) % BLOCK
      sums[phase] =
        (sums[phase] as number) + Math.abs((image.data[here] as number) - (image.data[here - stride] as number))
      counts[phase] = (counts[phase] as number) + 1
    }
  }
  return { at: sums.map((total, phase) => total / Math.max(1, counts[phase] as number)) }
}

/** How far the strongest place stands out from the median of the eight, 0..1. */
function excess({ at }: { readonly at: readonly number[] }): number {
  const sorted = [...at].sort((a, b) => a - b)
  const strongest = sorted[BLOCK - 1] as number
  const usual = ((sorted[3] as number) + (sorted[4] as number)) / 2
  return strongest > 0 ? 1 - usual / strongest : 0
}

/**
 * Blockiness around the face: how much larger the jumps between neighbouring pixels are at the edges of 8×8 blocks than elsewhere (after
 * Wang, Sheikh, Bovik, "No-reference perceptual quality assessment of JPEG compressed images", ICIP 2002). The place of the edges is
 * searched for, because a photo may have been cut after it was compressed; one that was resized shows none.
 * @param box Where to look, in photo pixels; cut to the photo.
 * @returns 0 (no blocks) to 1 (nothing but blocks); undefined when the face is too small to tell.
 */
export function compressionArtifacts(image: RgbImage, box: Box): number | undefined {
  const x = Math.max(0, Math.floor(box.x))
  const y = Math.max(0, Math.floor(box.y))
  const width = Math.min(image.width, Math.ceil(box.x + box.width)) - x
  const height = Math.min(image.height, Math.ceil(box.y + box.height)) - y
  if (!(width >= MIN_SIDE && height >= MIN_SIDE)) return undefined
  const region = { x, y, width, height }
  return Math.min(excess(jumps(image, region, 'columns')), excess(jumps(image, region, 'rows')))
}
