import { DiffiqaError } from '../errors.ts'
import type { Matcher, ScoreScale } from './matcher.ts'

/** The methods of a {@link Matcher}; an adapter has at least one. */
const MATCHER_METHODS = ['identify', 'verify', 'enrol', 'remove', 'embed'] as const

/**
 * Check an adapter of one's own and keep its exact type, so that `guard()` offers the methods it has and no others.
 *
 * ```ts
 * const acme = defineAdapter({
 *   name: 'acme',
 *   scale: { direction: 'similarity', min: 0, max: 100, impostorMean: 12, defaultThreshold: 80 },
 *   async identify(probe, { limit, signal }) { … },
 * })
 * ```
 * @param adapter `name` becomes a metric label: 1 to 64 letters, digits, `_` or `-`, a letter first.
 * @returns the same object.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function defineAdapter<M extends Matcher>(adapter: M): M {
  if (typeof adapter !== 'object' || adapter === null) throw invalid('adapter', 'must be an object')
  if (typeof adapter.name !== 'string' || !/^[a-zA-Z][\w-]{0,63}$/.test(adapter.name))
    throw invalid('name', 'must have 1 to 64 letters, digits, `_` or `-`, a letter first')
  requireScale(adapter.scale)
  for (const method of MATCHER_METHODS) {
    if (adapter[method] !== undefined && typeof adapter[method] !== 'function')
      throw invalid(method, 'must be a function or be left out')
  }
  if (!MATCHER_METHODS.some((method) => adapter[method] !== undefined))
    throw invalid('adapter', `has none of the methods ${MATCHER_METHODS.join(', ')}`)
  return adapter
}

/**
 * @throws DiffiqaError `invalid-option`: an impostor mean on the good side of the threshold would make down-weighting do nothing.
 */
function requireScale(scale: ScoreScale): void {
  if (typeof scale !== 'object' || scale === null) throw invalid('scale', 'must be an object')
  const { direction, min, max, impostorMean, defaultThreshold } = scale
  if (direction !== 'similarity' && direction !== 'distance')
    throw invalid('scale.direction', "must be 'similarity' or 'distance'")
  if (typeof min !== 'number' || typeof max !== 'number' || !Number.isFinite(min) || !(max > min))
    throw invalid('scale', '`min` must be a finite number below `max`')
  for (const [field, value] of Object.entries({ impostorMean, defaultThreshold })) {
    if (!Number.isFinite(value) || value < min || value > max)
      throw invalid(`scale.${field}`, 'must be a number from `min` to `max`')
  }
  const usable = direction === 'similarity' ? impostorMean < defaultThreshold : impostorMean > defaultThreshold
  if (!usable) throw invalid('scale.impostorMean', 'must be a worse score than `defaultThreshold`')
}

function invalid(field: string, problem: string): DiffiqaError {
  return new DiffiqaError('invalid-option', `\`${field}\` ${problem}`, { details: { option: field } })
}
