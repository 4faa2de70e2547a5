import sharp from 'sharp'

/** A 112 × 112 crop blurred by a Gaussian of `sigma` crop pixels. */
export async function blurCrop(pixels: Uint8Array, sigma: number): Promise<Uint8Array> {
  const raw = { width: 112, height: 112, channels: 3 } as const
  return new Uint8Array(await sharp(pixels, { raw }).blur(sigma).raw().toBuffer())
}
