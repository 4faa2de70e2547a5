import type { Landmarks, Point, Transform } from './types.ts'

/** The ArcFace template for 112×112 crops: eye left, eye right, nose tip, mouth corner left, right (InsightFace). */
export const TEMPLATE: Landmarks = [
  { x: 38.2946, y: 51.6963 },
  { x: 73.5318, y: 51.5014 },
  { x: 56.0252, y: 71.7366 },
  { x: 41.5493, y: 92.3655 },
  { x: 70.7299, y: 92.2041 },
]

export interface Similarity {
  readonly transform: Transform
  /** Root mean square distance between the mapped points and their targets. */
  readonly residual: number
}

const mean = (points: readonly Point[]): Point => ({
  x: points.reduce((sum, point) => sum + point.x, 0) / points.length,
  y: points.reduce((sum, point) => sum + point.y, 0) / points.length,
})

/**
 * Least-squares similarity transform (rotation, uniform scale, translation; no reflection) that maps `from` onto `to`.
 * In two dimensions this is Umeyama's solution in closed form (Umeyama, TPAMI 1991).
 * @throws RangeError when all points coincide.
 */
export function umeyama(from: readonly Point[], to: readonly Point[]): Similarity {
  const a = mean(from)
  const b = mean(to)
  let dot = 0
  let cross = 0
  let spread = 0
  for (const [i, p] of from.entries()) {
    const q = to[i] as Point
    const [px, py, qx, qy] = [p.x - a.x, p.y - a.y, q.x - b.x, q.y - b.y]
    dot += px * qx + py * qy
    cross += px * qy - py * qx
    spread += px * px + py * py
  }
  if (!(spread > 0)) throw new RangeError('the points coincide')
  const c = dot / spread
  const s = cross / spread
  const transform: Transform = [c, -s, b.x - c * a.x + s * a.y, s, c, b.y - s * a.x - c * a.y]
  let squares = 0
  for (const [i, p] of from.entries()) {
    const mapped = mapPoint(transform, p)
    const q = to[i] as Point
    squares += (mapped.x - q.x) ** 2 + (mapped.y - q.y) ** 2
  }
  return { transform, residual: Math.sqrt(squares / from.length) }
}

/** Map one point. */
export function mapPoint([a, b, c, d, e, f]: Transform, { x, y }: Point): Point {
  return { x: a * x + b * y + c, y: d * x + e * y + f }
}

/**
 * The transform that undoes `transform`.
 * @throws RangeError when it has no inverse.
 */
export function invert([a, b, c, d, e, f]: Transform): Transform {
  const determinant = a * e - b * d
  if (determinant === 0) throw new RangeError('the transform has no inverse')
  const [ia, ib, id, ie] = [e / determinant, -b / determinant, -d / determinant, a / determinant]
  return [ia, ib, -(ia * c + ib * f), id, ie, -(id * c + ie * f)]
}
