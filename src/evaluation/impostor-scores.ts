import type { CalibrationFace, CalibrationMatcher } from './calibration-face.ts'
import type { ImpostorScores } from './fit-reliability.ts'

const MAX_IMPOSTORS = 1_000_000

/** Scores of all pairs of different people, or of every k-th where there are very many. */
function* impostorPairs(faces: readonly CalibrationFace[]): Generator<readonly [CalibrationFace, CalibrationFace]> {
  const step = Math.max(1, Math.ceil((faces.length * (faces.length - 1)) / 2 / MAX_IMPOSTORS))
  let number = 0
  for (let i = 0; i < faces.length; i++)
    for (let j = i + 1; j < faces.length; j++) {
      const [a, b] = [faces[i], faces[j]] as [CalibrationFace, CalibrationFace]
      if (a.person !== b.person && number++ % step === 0) yield [a, b]
    }
}

/** Of the matcher, on its own scale. */
export function impostorScores(faces: readonly CalibrationFace[], { compare }: CalibrationMatcher): number[] {
  return Array.from(impostorPairs(faces), ([a, b]) => compare(a.embedding as Float32Array, b.embedding as Float32Array))
}

/** The same, each with the quality of the worse of the two faces. */
export function impostorScoresWithQuality(
  faces: readonly CalibrationFace[],
  { compare }: CalibrationMatcher,
  quality: (face: CalibrationFace) => number,
): ImpostorScores {
  const pairs = [...impostorPairs(faces)]
  return {
    score: Float64Array.from(pairs, ([a, b]) => compare(a.embedding as Float32Array, b.embedding as Float32Array)),
    quality: Float64Array.from(pairs, ([a, b]) => Math.min(quality(a), quality(b))),
  }
}
