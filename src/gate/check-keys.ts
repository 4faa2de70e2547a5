import { DiffiqaError } from '../errors.ts'

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, swap))
    }
    row = next
  }
  return row[b.length] as number
}

function nearest(word: string, known: readonly string[]): string | undefined {
  const begun = known.filter((name) => word.length > 1 && name.startsWith(word))
  if (begun.length === 1) return begun[0]
  const [best] = known
    .map((name) => ({ name, edits: distance(word.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)
  return best && best.edits <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined
}

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
    const meant = nearest(key, known)
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
