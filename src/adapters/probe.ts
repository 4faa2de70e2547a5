import { DiffiqaError } from '../errors.ts'
import type { AlignedFace, Face, RgbImage } from '../face/types.ts'
import type { Assessment } from '../gate/types.ts'
import type { Probe } from './matcher.ts'
import { once } from './once.ts'
import { regionAround } from './region.ts'
import { requireBytes } from './require-bytes.ts'

/** Half a face on each side: what detectors of SDKs were trained to see around a face. */
const MARGIN = 0.5
const JPEG_QUALITY = 95

/** An assessment together with the photo it is about: `req.faceQuality`, and what guarded matchers take without scoring it again. */
export interface FaceQuality extends Assessment {
  /** The bytes as they were uploaded. */
  readonly bytes: Uint8Array
  readonly probe: Probe
}

/**
 * What a matcher gets of an assessed photo. Nothing is decoded until a matcher asks for it; each shape is made once.
 *
 * A photo that was passed on without a score (`verdict.degraded`) has no known face: `face` and `aligned` then throw, `jpeg()` gives the
 * whole photo.
 * @param assessment Made with `crops: true`, or `aligned` throws.
 * @throws DiffiqaError `invalid-option` for a photo that is not bytes.
 */
export function createProbe(bytes: Uint8Array, assessment: Assessment): Probe {
  requireBytes(bytes)
  const index = Math.max(0, assessment.verdicts.indexOf(assessment.verdict))
  const face = assessment.verdict.face ?? assessment.faces[0]
  const aligned = assessment.aligned[index]
  const pixels = assessment.photo && assessment.photo.width * assessment.photo.height
  let base64: string | undefined

  const rgb = once(async (): Promise<RgbImage> => {
    // sharp is loaded when a matcher wants pixels, never by importing the package.
    const { decode } = await import('../face/decode.ts')
    return (await decode(bytes, pixels === undefined ? {} : { maxPixels: pixels })).image
  })
  const jpeg = once(async (): Promise<Uint8Array> => encodeFace(await rgb(), face))

  return {
    photo: bytes,
    get face(): Face {
      return face ?? missing('face')
    },
    get aligned(): AlignedFace {
      return aligned ?? missing('crop')
    },
    jpeg,
    rgb,
    base64: () => (base64 ??= Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')),
  }
}

/** The face with room around it as JPEG, as {@link Probe.jpeg} gives it; the whole photo where no face is known. */
export async function encodeFace(image: RgbImage, face: Face | undefined): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp')
  const { width, height, data } = image
  const picture = sharp(data, { raw: { width, height, channels: 3 } })
  if (face) picture.extract(regionAround(face.box, MARGIN, image))
  return picture.jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4' }).toBuffer()
}

function missing(what: string): never {
  throw new DiffiqaError(
    'scoring-failed',
    `The matcher needs the ${what}, but the photo was passed on without one; assess it with \`crops: true\``,
  )
}
