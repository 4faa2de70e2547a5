import { DiffiqaError } from '../errors.ts'
import { suggest } from './suggest.ts'

/** An `invalid-option` error that names its field. */
export function invalidOption(option: string, message: string): DiffiqaError {
  return new DiffiqaError('invalid-option', message, { details: { option } })
}

/**
 * Refuse anything but a plain object with known keys: a misspelt option would otherwise silently mean its default.
 * @param where Path of the object in the options, '' for the options themselves.
 * @throws DiffiqaError `invalid-option` (details.option).
 */
export function checkKeys(where: string, value: unknown, known: readonly string[]): asserts value is object {
  const name = where === '' ? 'options' : where
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidOption(name, `${name} must be an object`)
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    const path = where === '' ? key : `${where}.${key}`
    const meant = suggest(key, known)
    throw invalidOption(
      path,
      meant === undefined
        ? `Unknown option "${path}"; known are ${known.join(', ')}`
        : `Unknown option "${path}"; did you mean "${meant}"?`,
    )
  }
}

/** @throws DiffiqaError `invalid-option` when the value is none of the allowed ones. */
export function checkOneOf(option: string, value: unknown, allowed: readonly unknown[]): void {
  if (allowed.includes(value)) return
  throw invalidOption(option, `${option} must be one of ${allowed.map((one) => JSON.stringify(one)).join(', ')}`)
}

export interface NumberRange {
  readonly min: number
  readonly max: number
  readonly integer?: boolean
}

/** @throws DiffiqaError `invalid-option` when the value is no number of the range. */
export function checkNumber(option: string, value: unknown, { min, max, integer = false }: NumberRange): void {
  const fits = typeof value === 'number' && value >= min && value <= max && (!integer || Number.isInteger(value))
  if (fits) return
  const kind = integer ? 'a whole number' : 'a number'
  throw invalidOption(option, `${option} must be ${kind} from ${min} to ${max}`)
}
