import sharp, { type Sharp } from 'sharp'
import type { Face, RgbImage } from '../face/types.ts'
import { motionBlur } from './motion-blur.ts'
import { occlude } from './occlude.ts'
import { addNoise, mapTones } from './pixel-noise.ts'
import { type SeededRandom, seededRandom } from './seeded-random.ts'

/** The degradations that benchmarks and training use; each has levels 1 (slight) to 5 (hopeless). */
export const DEGRADATIONS = [
  'gaussian-blur',
  'motion-blur',
  'down-sampling',
  'jpeg',
  'low-light',
  'over-exposure',
  'sensor-noise',
  'occluded-lower',
  'occluded-upper',
] as const

export type Degradation = (typeof DEGRADATIONS)[number]
export type Level = 1 | 2 | 3 | 4 | 5

// Strengths per level. Lengths are shares of the eye distance, so that a face of any size suffers alike.
const BLUR_SIGMA = [0.03, 0.06, 0.1, 0.15, 0.22]
const MOTION_LENGTH = [0.15, 0.28, 0.45, 0.65, 0.9]
const EYE_PIXELS = [18, 13, 9.5, 7, 5]
const JPEG_QUALITY = [35, 20, 12, 7, 3]
const LIGHT = [0.45, 0.28, 0.17, 0.1, 0.06]
const READ_NOISE = [2, 3, 4, 5, 6]
const EXPOSURE = [1.5, 2, 2.8, 4, 6]
const NOISE_SIGMA = [10, 20, 32, 48, 70]

/** Detail finer than this many pixels between the eyes never reaches a network, so strengths are tied to it. */
const REFERENCE_EYE_PIXELS = 45

const raw = (image: RgbImage): Sharp =>
  sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })

async function finish(pipeline: Sharp): Promise<RgbImage> {
  const { data, info } = await pipeline.removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }
}

const scaled = (image: RgbImage, factor: number, kernel: 'linear' | 'cubic' | 'nearest'): Promise<RgbImage> =>
  finish(
    raw(image).resize(Math.max(8, Math.round(image.width * factor)), Math.max(8, Math.round(image.height * factor)), {
      fit: 'fill',
      kernel,
    }),
  )

async function downSample(image: RgbImage, eyes: number, level: number, random: SeededRandom): Promise<RgbImage> {
  const factor = Math.min(1, (EYE_PIXELS[level] as number) / eyes)
  const small = await scaled(image, factor, 'linear')
  const kernel = random.pick(['linear', 'cubic', 'nearest'] as const)
  return finish(raw(small).resize(image.width, image.height, { fit: 'fill', kernel }))
}

async function compress(image: RgbImage, eyes: number, level: number): Promise<RgbImage> {
  const factor = Math.min(1, REFERENCE_EYE_PIXELS / eyes)
  const small = factor < 1 ? await scaled(image, factor, 'linear') : image
  return finish(
    sharp(
      await raw(small)
        .jpeg({ quality: JPEG_QUALITY[level] as number })
        .toBuffer(),
    ),
  )
}

/**
 * Degrade a whole photo before detection, as a camera would have.
 * @param face The face that counts: strengths follow its eye distance, occluders its points.
 * @param seed Together with kind and level it decides every random choice; the same seed gives the same bytes.
 */
export async function degrade(
  image: RgbImage,
  face: Face,
  kind: Degradation,
  level: Level,
  seed: string,
): Promise<RgbImage> {
  const random = seededRandom(`${seed}|${kind}|${level}`)
  const eyes = face.interEyeDistance
  const i = level - 1
  const grain = Math.max(1, eyes / REFERENCE_EYE_PIXELS)
  switch (kind) {
    case 'gaussian-blur':
      return finish(raw(image).blur(Math.max(0.3, (BLUR_SIGMA[i] as number) * eyes)))
    case 'motion-blur':
      return motionBlur(image, (MOTION_LENGTH[i] as number) * eyes, random.between(0, Math.PI))
    case 'down-sampling':
      return downSample(image, eyes, i, random)
    case 'jpeg':
      return compress(image, eyes, i)
    case 'low-light': {
      const dark = mapTones(image, (value) => value * (LIGHT[i] as number))
      return addNoise(dark, { read: READ_NOISE[i] as number, shot: 0.6, grain }, random)
    }
    case 'over-exposure':
      return mapTones(image, (value) => value * (EXPOSURE[i] as number) + 8 * i)
    case 'sensor-noise':
      return addNoise(image, { read: NOISE_SIGMA[i] as number, shot: 0, grain }, random)
    case 'occluded-lower':
      return occlude(image, face, 'lower', level, random)
    case 'occluded-upper':
      return occlude(image, face, 'upper', level, random)
  }
}
