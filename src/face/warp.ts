import type { RgbImage, Transform } from './types.ts'
import { invert, mapPoint } from './umeyama.ts'

/**
 * Average blocks of `factor` × `factor` pixels over one region of the image. Everything is kept a whole number for the compiler, which makes
 * it four times as fast: a face takes up to half a million pixels.
 * @returns the small image; its pixel (0, 0) covers the region's first block.
 */
function shrinkRegion(
  image: RgbImage,
  left: number,
  top: number,
  width: number,
  height: number,
  factor: number,
): RgbImage {
  const w = Math.ceil(width / factor)
  const h = Math.ceil(height / factor)
  const { data } = image
  const row = image.width * 3
  const right = Math.min(image.width, left + width)
  const bottom = Math.min(image.height, top + height)
  const small = new Uint8Array(w * h * 3)
  for (let y = 0, o = 0; y < h; y++) {
    const y0 = top + y * factor
    const y1 = Math.min(y0 + factor, bottom) | 0
    for (let x = 0; x < w; x++, o += 3) {
      const x0 = left + x * factor
      const x1 = Math.min(x0 + factor, right) | 0
      const length = ((x1 - x0) * 3) | 0
      let r = 0
      let g = 0
      let b = 0
      for (let sy = y0, start = (y0 * row + x0 * 3) | 0; sy < y1; sy++, start = (start + row) | 0) {
        const end = (start + length) | 0
        for (let i = start; i < end; i = (i + 3) | 0) {
          r = (r + (data[i] as number)) | 0
          g = (g + (data[i + 1] as number)) | 0
          b = (b + (data[i + 2] as number)) | 0
        }
      }
      // To the nearest, halves upwards.
      const count = (y1 - y0) * (x1 - x0)
      small[o] = ((2 * r + count) / (2 * count)) | 0
      small[o + 1] = ((2 * g + count) / (2 * count)) | 0
      small[o + 2] = ((2 * b + count) / (2 * count)) | 0
    }
  }
  return { width: w, height: h, data: small }
}

/** Bilinear sampling with a black border. The channels are written out and the indices are integers: every face takes a third of a million pixels. */
function sample(image: RgbImage, toImage: Transform, size: number): Uint8Array {
  const { width, height, data } = image
  const out = new Uint8Array(size * size * 3)
  const [a, b, c, d, e, f] = toImage
  const row = width * 3
  for (let y = 0, o = 0; y < size; y++) {
    const by = b * y
    const ey = e * y
    for (let x = 0; x < size; x++, o += 3) {
      const sx = a * x + by + c
      const sy = d * x + ey + f
      const x0 = Math.floor(sx) | 0
      const y0 = Math.floor(sy) | 0
      if (x0 < -1 || y0 < -1 || x0 >= width || y0 >= height) continue
      const fx = sx - x0
      const fy = sy - y0
      const gx = 1 - fx
      const gy = 1 - fy
      const i = y0 * row + x0 * 3
      const j = i + row
      if (x0 >= 0 && y0 >= 0 && x0 + 1 < width && y0 + 1 < height) {
        out[o] =
          ((data[i] as number) * gx + (data[i + 3] as number) * fx) * gy +
          ((data[j] as number) * gx + (data[j + 3] as number) * fx) * fy +
          0.5
        out[o + 1] =
          ((data[i + 1] as number) * gx + (data[i + 4] as number) * fx) * gy +
          ((data[j + 1] as number) * gx + (data[j + 4] as number) * fx) * fy +
          0.5
        out[o + 2] =
          ((data[i + 2] as number) * gx + (data[i + 5] as number) * fx) * gy +
          ((data[j + 2] as number) * gx + (data[j + 5] as number) * fx) * fy +
          0.5
        continue
      }
      const left = x0 >= 0
      const right = x0 + 1 < width
      const w00 = left && y0 >= 0 ? gx * gy : 0
      const w10 = right && y0 >= 0 ? fx * gy : 0
      const w01 = left && y0 + 1 < height ? gx * fy : 0
      const w11 = right && y0 + 1 < height ? fx * fy : 0
      for (let channel = 0; channel < 3; channel++) {
        const value =
          w00 * (data[i + channel] ?? 0) +
          w10 * (data[i + 3 + channel] ?? 0) +
          w01 * (data[j + channel] ?? 0) +
          w11 * (data[j + 3 + channel] ?? 0)
        out[o + channel] = value + 0.5
      }
    }
  }
  return out
}

/**
 * Cut a square crop out of a photo.
 *
 * Where the face is more than twice as large as the crop, whole blocks of pixels are averaged first: plain bilinear
 * sampling would skip pixels, and the score would then change with a shift of one pixel. A smaller face is only
 * interpolated, so that its low resolution stays visible to the networks.
 * @param transform From photo pixels to crop pixels.
 * @param size Side of the crop in pixels.
 * @returns size × size × 3 bytes, interleaved RGB; black outside the photo.
 */
export function warp(image: RgbImage, transform: Transform, size: number): Uint8Array {
  const toImage = invert(transform)
  const factor = Math.floor(Math.hypot(toImage[0], toImage[3]))
  if (factor < 2) return sample(image, toImage, size)
  const corners = [
    { x: -1, y: -1 },
    { x: size, y: -1 },
    { x: -1, y: size },
    { x: size, y: size },
  ].map((corner) => mapPoint(toImage, corner))
  const left = Math.max(0, Math.floor(Math.min(...corners.map((p) => p.x))) - factor)
  const top = Math.max(0, Math.floor(Math.min(...corners.map((p) => p.y))) - factor)
  const right = Math.min(image.width, Math.ceil(Math.max(...corners.map((p) => p.x))) + factor)
  const bottom = Math.min(image.height, Math.ceil(Math.max(...corners.map((p) => p.y))) + factor)
  if (right <= left || bottom <= top) return new Uint8Array(size * size * 3)
  const small = shrinkRegion(image, left, top, right - left, bottom - top, factor)
  // Centre of block i lies at left + i·factor + (factor − 1)/2.
  const offset = (factor - 1) / 2
  const [a, b, c, d, e, f] = toImage
  return sample(
    small,
    [a / factor, b / factor, (c - left - offset) / factor, d / factor, e / factor, (f - top - offset) / factor],
    size,
  )
}
