import { DiffiqaError } from '../errors.ts'
import type { Candidate, Comparison, Enrolment, ScoreScale } from './matcher.ts'

/** Rounding may carry a score a little past the end of its scale; a score further out is on another scale than the adapter says. */
const SLACK = 1e-3

/** @throws DiffiqaError `matcher-invalid-answer`. */
export function readCandidates(answer: unknown, scale: ScoreScale): readonly Candidate[] {
  if (!Array.isArray(answer)) throw invalid('identify() must answer a list of candidates')
  for (const candidate of answer) {
    if (typeof candidate?.subject !== 'string') throw invalid('A candidate has no subject')
    requireScore(candidate, scale)
  }
  return answer
}

/** @throws DiffiqaError `matcher-invalid-answer`. */
export function readComparison(answer: unknown, scale: ScoreScale): Comparison {
  if (typeof answer !== 'object' || answer === null) throw invalid('verify() must answer a comparison')
  requireScore(answer as Comparison, scale)
  return answer as Comparison
}

/** @throws DiffiqaError `matcher-invalid-answer`. */
export function readEnrolment(answer: unknown): Enrolment {
  if (typeof (answer as Enrolment | null)?.subject !== 'string')
    throw invalid('enrol() must answer the enrolled subject')
  return answer as Enrolment
}

/** @throws DiffiqaError `matcher-invalid-answer`. */
export function readEmbedding(answer: unknown): Float32Array {
  const [embedding] = Array.isArray(answer) ? answer : []
  if (!(embedding instanceof Float32Array) || embedding.length === 0 || !embedding.every(Number.isFinite))
    throw invalid('embed() must answer one Float32Array of finite numbers per face')
  return embedding
}

function requireScore({ score, referenceQuality }: Candidate | Comparison, { min, max }: ScoreScale): void {
  if (typeof score !== 'number' || !Number.isFinite(score)) throw invalid('A score is not a finite number')
  const slack = Number.isFinite(max) ? (max - min) * SLACK : SLACK
  if (score < min - slack || score > max + slack)
    throw invalid(`A score is outside the matcher's scale of ${min} to ${max}: is the scale right?`)
  if (referenceQuality !== undefined && !(referenceQuality >= 0 && referenceQuality <= 1))
    throw invalid('A reference quality is not a number from 0 to 1')
}

function invalid(message: string): DiffiqaError {
  return new DiffiqaError('matcher-invalid-answer', message)
}
