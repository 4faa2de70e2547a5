import { regionAround } from '../adapters/region.ts'
import { isDiffiqaError } from '../errors.ts'
import type { Box } from '../face/types.ts'
import { readPhoto } from './read-photo.ts'

/** Longest side in pixels; shown at half of it on most screens. */
const SIZE = 160
/** Hair and chin as well, so that a person can tell who it is. */
const MARGIN = 0.35
const JPEG_QUALITY = 72

/**
 * A small JPEG of the face, or of the whole photo where none is known, as a `data:` address; nothing of the photo's metadata goes in.
 * @returns undefined for a photo that cannot be shown
 */
export async function thumbnail(path: string, box: Box | null): Promise<string | undefined> {
  try {
    const [{ decode }, { default: sharp }] = await Promise.all([import('../face/decode.ts'), import('sharp')])
    const { image } = await decode(await readPhoto(path))
    const { width, height, data } = image
    const picture = sharp(data, { raw: { width, height, channels: 3 } })
    if (box) picture.extract(regionAround(box, MARGIN, image))
    const jpeg = await picture
      .resize({ width: SIZE, height: SIZE, fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: JPEG_QUALITY })
      .toBuffer()
    return `data:image/jpeg;base64,${jpeg.toString('base64')}`
  } catch (error) {
    // Damaged, gone or no photo at all: the report says so in words.
    if (isDiffiqaError(error) || /^E[A-Z]+$/.test(String((error as { code?: unknown }).code))) return undefined
    throw error
  }
}
