import type { RgbImage, Transform } from './types.ts'
import { invert, mapPoint } from './umeyama.ts'

/**
 * Average blocks of `factor` × `factor` pixels over one region of the image.
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
  const data = new Uint8Array(w * h * 3)
  for (let y = 0; y < h; y++) {
    const y0 = top + y * factor
    const y1 = Math.min(y0 + factor, image.height, top + height)
    for (let x = 0; x < w; x++) {
      const x0 = left + x * factor
      const x1 = Math.min(x0 + factor, image.width, left + width)
      let r = 0
      let g = 0
      let b = 0
      for (let sy = y0; sy < y1; sy++) {
        let i = (sy * image.width + x0) * 3
        for (let sx = x0; sx < x1; sx++, i += 3) {
          r += image.data[i] as number
          g += image.data[i + 1] as number
          b += image.data[i + 2] as number
        }
      }
      const count = (y1 - y0) * (x1 - x0)
      const o = (y * w + x) * 3
      data[o] = Math.round(r / count)
      data[o + 1] = Math.round(g / count)
      data[o + 2] = Math.round(b / count)
    }
  }
  return { width: w, height: h, data }
}

/** Bilinear sampling with a black border. */
function sample(image: RgbImage, toImage: Transform, size: number): Uint8Array {
  const { width, height, data } = image
  const out = new Uint8Array(size * size * 3)
  const [a, b, c, d, e, f] = toImage
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const sx = a * x + b * y + c
      const sy = d * x + e * y + f
      const x0 = Math.floor(sx)
      const y0 = Math.floor(sy)
      if (x0 < -1 || y0 < -1 || x0 >= width || y0 >= height) continue
      const fx = sx - x0
      const fy = sy - y0
      const inside = x0 >= 0 && y0 >= 0 && x0 + 1 < width && y0 + 1 < height
      if (inside) {
        const i = (y0 * width + x0) * 3
        const below = i + width * 3
        const o = (y * size + x) * 3
        for (let channel = 0; channel < 3; channel++) {
          const top = (data[i + channel] as number) * (1 - fx) + (data[i + 3 + channel] as number) * fx
          const bottom = (data[below + channel] as number) * (1 - fx) + (data[below + 3 + channel] as number) * fx
          out[o + channel] = top * (1 - fy) + bottom * fy + 0.5
        }
        continue
      }
      const left = x0 >= 0
      const right = x0 + 1 < width
      const w00 = left && y0 >= 0 ? (1 - fx) * (1 - fy) : 0
      const w10 = right && y0 >= 0 ? fx * (1 - fy) : 0
      const w01 = left && y0 + 1 < height ? (1 - fx) * fy : 0
      const w11 = right && y0 + 1 < height ? fx * fy : 0
      const i = (y0 * width + x0) * 3
      const below = i + width * 3
      const o = (y * size + x) * 3
      for (let channel = 0; channel < 3; channel++) {
        const value =
          w00 * (data[i + channel] ?? 0) +
          w10 * (data[i + 3 + channel] ?? 0) +
          w01 * (data[below + channel] ?? 0) +
          w11 * (data[below + 3 + channel] ?? 0)
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
