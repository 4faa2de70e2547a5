/** One face: a photo as it is, or a degraded copy of it. */
export interface CalibrationFace {
  readonly person: string
  /** Number of the photo; a copy has that of its original and is never compared with it. */
  readonly photo: number
  /** Not a made copy. */
  readonly natural: boolean
  /** DifFIQA(R) before calibration, and its standard deviation there. */
  readonly fast: { readonly raw: number; readonly sigma: number }
  /** Features of full DifFIQA, in the order of the manifest's terms; without the quality head where the matcher is E. */
  readonly features: readonly number[]
  /** How the matcher compares it; undefined where the matcher found no face. */
  readonly embedding: Float32Array | undefined
}

export interface CalibrationMatcher {
  readonly direction: 'similarity' | 'distance'
  /** The SDK's own threshold; undefined: the one at `fmr`. */
  readonly threshold: number | undefined
  compare(a: Float32Array, b: Float32Array): number
}
