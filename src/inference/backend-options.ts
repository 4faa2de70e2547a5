import { DiffiqaError } from '../errors.ts'

/**
 * Checks that `options` has no key beyond `known` and that its numbers are in range.
 *
 * @param ranges - smallest allowed value by option name; such an option must be an integer, or Infinity where `unbounded` names it
 * @throws DiffiqaError `invalid-option` (details.option)
 */
export function checkOptions(
  options: object,
  known: readonly string[],
  ranges: Readonly<Record<string, number>>,
  unbounded: readonly string[] = [],
): void {
  for (const [option, value] of Object.entries(options)) {
    if (!known.includes(option)) throw invalid(option, `Unknown option "${option}"; known are ${known.join(', ')}`)
    const least = ranges[option]
    if (least === undefined || value === undefined) continue
    const infinite = value === Number.POSITIVE_INFINITY && unbounded.includes(option)
    if (!infinite && !(Number.isSafeInteger(value) && value >= least)) {
      throw invalid(option, `Option "${option}" must be an integer of at least ${least}, but is ${String(value)}`)
    }
  }
}

function invalid(option: string, message: string): DiffiqaError {
  return new DiffiqaError('invalid-option', message, { details: { option } })
}
