import type { Answer } from './job.ts'
import type { Photo } from './photos.ts'

/** Gallery photos count as good from this quantile of E's norm over the untouched LFW photos on. */
const GOOD_QUANTILE = 0.25

const unit = (row: Float32Array): Float64Array => {
  const norm = Math.max(Math.hypot(...row), 1e-12)
  return Float64Array.from(row, (x) => x / norm)
}

export interface Gallery {
  readonly photos: readonly Photo[]
  readonly answers: readonly Answer[]
}

/**
 * How often the comparisons of photos with other, good, untouched photos of the same person pass, per judge: what a calibrated value
 * stands for. Undefined where there is no face or no such partner.
 * @param thresholds - cosine per judge
 */
export function passRates(
  probes: readonly { readonly photo: Photo; readonly answer: Answer }[],
  gallery: Gallery,
  goodNorm: number,
  thresholds: readonly number[],
): (number[] | undefined)[] {
  const partners = new Map<string, { file: string; rows: Float64Array[] }[]>()
  gallery.answers.forEach((answer, k) => {
    const photo = gallery.photos[k] as Photo
    if (!answer?.embeddings || (answer.norm ?? 0) < goodNorm) return
    const own = partners.get(photo.person) ?? []
    own.push({ file: photo.file, rows: answer.embeddings.map(unit) })
    partners.set(photo.person, own)
  })
  return probes.map(({ photo, answer }) => {
    const others = (partners.get(photo.person) ?? []).filter(({ file }) => file !== photo.file)
    if (!answer?.embeddings || others.length === 0) return undefined
    return answer.embeddings.map((embedding, j) => {
      const row = unit(embedding)
      const passed = others.filter(({ rows }) => cosineOf(row, rows[j] as Float64Array) >= (thresholds[j] as number))
      return passed.length / others.length
    })
  })
}

function cosineOf(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** E's norm from which a gallery photo is good. */
export function goodNorm(answers: readonly Answer[]): number {
  const norms = answers.flatMap((answer) => answer?.norm ?? []).sort((a, b) => a - b)
  return norms[Math.floor(GOOD_QUANTILE * norms.length)] ?? 0
}

/** Expected calibration error over ten bins of equal count. */
export function calibrationError(points: readonly { readonly value: number; readonly outcome: number }[]): number {
  const sorted = [...points].sort((a, b) => a.value - b.value)
  let error = 0
  for (let bin = 0; bin < 10; bin++) {
    const part = sorted.slice((bin * sorted.length) / 10, ((bin + 1) * sorted.length) / 10)
    error += Math.abs(part.reduce((sum, { value, outcome }) => sum + value - outcome, 0))
  }
  return error / sorted.length
}
