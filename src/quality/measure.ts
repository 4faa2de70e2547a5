import type { AlignedFace, RgbImage } from '../face/types.ts'
import { compressionArtifacts } from './components/compression.ts'
import { geometryMeasures } from './components/geometry.ts'
import { illuminationUniformity } from './components/illumination.ts'
import { luminanceMeasures } from './components/luminance.ts'
import { faceRegion } from './components/region.ts'
import { sharpness } from './components/sharpness.ts'
import type { Measures } from './types.ts'

/** With fewer crop pixels of skin inside the photo, nothing is said about light and sharpness. */
const MIN_SKIN = 500

/**
 * Take every measure that needs no network: names after ISO/IEC 29794-5:2025 where it has them, units and ranges in docs/scoring.md.
 * Occlusion comes from full DifFIQA (`assess()`); eyes and mouth only from a caller's mesh.
 * @param image The upright photo.
 * @param aligned One of its faces, aligned from this very photo.
 */
export function measure(image: RgbImage, aligned: AlignedFace): Measures {
  const { skin, visible } = faceRegion(image, aligned.transform)
  const compression = compressionArtifacts(image, aligned.face.box)
  return {
    ...geometryMeasures(aligned),
    'face-margin': visible,
    ...(compression !== undefined && { 'compression-artifacts': compression }),
    ...(skin.length >= MIN_SKIN && {
      sharpness: sharpness(aligned.pixels, skin),
      'illumination-uniformity': illuminationUniformity(image, aligned.transform),
      ...luminanceMeasures(aligned.pixels, skin),
    }),
  }
}
