import type { OptionSpecs } from './arguments.ts'

const GAP = 2

/** Two aligned columns. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + GAP
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join('')
}

/** The options of a command, one a line. */
export function optionHelp(specs: OptionSpecs): string {
  return columns(
    Object.entries(specs).map(([name, { short, value, help }]) => [
      `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`,
      help,
    ]),
  )
}
