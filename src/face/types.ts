/** A point in pixels of the upright photo (EXIF orientation applied); (0, 0) is the centre of the top left pixel. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** A box in pixels of the upright photo. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Eye on the image's left, eye on the image's right, nose tip, mouth corner left, mouth corner right. */
export type Landmarks = readonly [Point, Point, Point, Point, Point]

/** Estimated head pose in degrees; 0 is frontal and upright. */
export interface HeadPose {
  /** Positive: the nose points to the image's right. */
  readonly yaw: number
  /** Positive: looking down. */
  readonly pitch: number
  /** Positive: rotated clockwise in the image. */
  readonly roll: number
}

/** A decoded photo: interleaved 8-bit RGB rows, EXIF orientation already applied. */
export interface RgbImage {
  readonly width: number
  readonly height: number
  /** width × height × 3 bytes. */
  readonly data: Uint8Array
}

/** One detected face. */
export interface Face {
  readonly box: Box
  /** Detector confidence, 0..1. */
  readonly confidence: number
  readonly landmarks: Landmarks
  /** Distance of the eye centres in pixels. */
  readonly interEyeDistance: number
  readonly pose: HeadPose
  /** What a landmark mesh of the caller's own detector adds, when there is one. */
  readonly eyesOpen?: number
  readonly mouthClosed?: number
}

/** Row-major 2×3 similarity transform from photo pixels to crop pixels: x' = a·x + b·y + c, y' = d·x + e·y + f. */
export type Transform = readonly [a: number, b: number, c: number, d: number, e: number, f: number]

/** The 112×112 crop that every network reads. */
export interface AlignedFace {
  /** 112 × 112 × 3 bytes, interleaved RGB. */
  readonly pixels: Uint8Array
  readonly transform: Transform
  /** Root mean square distance of the mapped landmarks to the template, in crop pixels. */
  readonly residual: number
  readonly face: Face
}

/** Encoded bytes of one photo; nothing decoded yet. */
export interface Photo {
  readonly bytes: Uint8Array
  /** The caller's own name for it; never logged, never a metric label. */
  readonly id?: string
}
