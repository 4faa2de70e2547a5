import { parseArgs } from 'node:util'
import { suggest } from '../gate/suggest.ts'
import { UsageError } from './usage-error.ts'

/** One option of a command: a switch, or with `value` one that takes something of that name. */
interface OptionSpec {
  readonly help: string
  /** Placeholder in the help; its presence makes the option take a value. */
  readonly value?: string
  readonly short?: string
  /** The only values allowed. */
  readonly choices?: readonly string[]
  /** May be given several times: all its values are in `lists`. */
  readonly many?: boolean
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>

export interface ParsedArguments {
  readonly values: Readonly<Record<string, string | true>>
  readonly positionals: readonly string[]
  /** Values of the options that may be given several times, in their order. */
  readonly lists: Readonly<Record<string, readonly string[]>>
}

/**
 * Reads a command's arguments; of an option given twice the last counts unless it may be `many`, and all after `--` are positionals.
 * @throws UsageError for unknown options (with a suggestion), missing, surplus or impossible values
 */
export function parseArguments(args: readonly string[], specs: OptionSpecs): ParsedArguments {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { value, short }]) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), ...(short && { short }) },
    ]),
  )
  // Not strict: Node's own messages talk of its API, and it knows no suggestions.
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const values: Record<string, string | true> = {}
  const lists: Record<string, string[]> = {}
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined
    if (!spec) throw unknownOption(token.rawName, specs)
    const value = checkValue(token.rawName, token.value, spec, token.inlineValue === true)
    values[token.name] = value
    if (spec.many) lists[token.name] = [...(lists[token.name] ?? []), String(value)]
  }
  return { values, positionals, lists }
}

function unknownOption(rawName: string, specs: OptionSpecs): UsageError {
  const meant = rawName.startsWith('--') ? suggest(rawName.slice(2), Object.keys(specs)) : undefined
  return new UsageError(`unknown option ${rawName}${meant ? `; did you mean --${meant}?` : ''}`)
}

function checkValue(rawName: string, value: string | undefined, spec: OptionSpec, inline: boolean): string | true {
  if (!spec.value) {
    if (value !== undefined) throw new UsageError(`option ${rawName} takes no value`)
    return true
  }
  // "--crops --json" means a forgotten folder rather than a folder called --json; "--crops=--json" can mean only that.
  if (!value || (!inline && /^-[^\d]/.test(value)))
    throw new UsageError(`option ${rawName} needs a value: ${rawName} ${spec.value}`)
  if (spec.choices && !spec.choices.includes(value)) {
    const meant = suggest(value, spec.choices)
    throw new UsageError(
      `option ${rawName} must be ${spec.choices.join(', ')}, not ${value}${meant ? `; did you mean ${meant}?` : ''}`,
    )
  }
  return value
}
