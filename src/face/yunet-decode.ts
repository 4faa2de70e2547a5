import type { Tensor } from '../inference/tensor-model.ts'

/** One raw detection in detector pixels: box corner and size, score 0..1, five points as x, y pairs. */
export interface Detection {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly score: number
  readonly points: readonly number[]
}

const STRIDES = [8, 16, 32]
const clamp01 = (value: number): number => Math.min(1, Math.max(0, value))

/**
 * Read YuNet's anchor-free outputs: per stride a grid of cells with class and object score, box and five points
 * relative to the cell (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023).
 * @param width Input width in pixels, a multiple of 32.
 */
export function decodeYunet(outputs: Readonly<Record<string, Tensor>>, width: number, minScore: number): Detection[] {
  const found: Detection[] = []
  for (const stride of STRIDES) {
    const [cls, obj, box, points] = ['cls', 'obj', 'bbox', 'kps'].map(
      (name) => (outputs[`${name}_${stride}`] as Tensor).data,
    ) as [Float32Array, Float32Array, Float32Array, Float32Array]
    const columns = width / stride
    for (let cell = 0; cell < cls.length; cell++) {
      const score = Math.sqrt(clamp01(cls[cell] as number) * clamp01(obj[cell] as number))
      if (score < minScore) continue
      const column = cell % columns
      const row = Math.floor(cell / columns)
      const at = (index: number): number => box[cell * 4 + index] as number
      const w = Math.exp(at(2)) * stride
      const h = Math.exp(at(3)) * stride
      found.push({
        x: (column + at(0)) * stride - w / 2,
        y: (row + at(1)) * stride - h / 2,
        width: w,
        height: h,
        score,
        points: Array.from({ length: 10 }, (_, k) => {
          const origin = k % 2 === 0 ? column : row
          return (origin + (points[cell * 10 + k] as number)) * stride
        }),
      })
    }
  }
  return found
}

/** Intersection over union of two boxes, 0..1. */
export function overlap(
  a: Pick<Detection, 'x' | 'y' | 'width' | 'height'>,
  b: Pick<Detection, 'x' | 'y' | 'width' | 'height'>,
): number {
  const w = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const h = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  if (w <= 0 || h <= 0) return 0
  return (w * h) / (a.width * a.height + b.width * b.height - w * h)
}

/** Greedy non-maximum suppression, best score first. */
export function suppress(detections: readonly Detection[], maxOverlap: number): Detection[] {
  const kept: Detection[] = []
  for (const candidate of [...detections].sort((a, b) => b.score - a.score)) {
    if (kept.every((better) => overlap(better, candidate) <= maxOverlap)) kept.push(candidate)
  }
  return kept
}
