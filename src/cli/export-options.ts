import { type OptionSpecs, parseArguments } from './arguments.ts'
import { optionHelp } from './help.ts'
import { UsageError } from './usage-error.ts'

export type ServerKind = 'triton' | 'kserve' | 'mlserver'

export interface ExportOptions {
  readonly server: ServerKind
  readonly out: string
  readonly modelsDir?: string
}

const EXPORT_SPECS = {
  server: { value: 'NAME', choices: ['triton', 'kserve', 'mlserver'], help: 'triton, kserve or mlserver' },
  out: { value: 'DIR', help: 'folder to write; it must be empty or not exist' },
  models: { value: 'DIR', help: 'models folder (default: the one of the package)' },
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

/** Text of `express-diffiqa export-models --help`. */
export function exportHelp(): string {
  return `Usage: express-diffiqa export-models --server NAME --out DIR [options]

Write the networks of the scores as a folder that an inference server loads, for gates with openInference(). The detector is not
among them: it sees whole photos and stays with the gate.

Options:
${optionHelp(EXPORT_SPECS)}
Exit code: 0 written, 1 wrong use or a file could not be read or written.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parseExportOptions(args: readonly string[]): ExportOptions | undefined {
  const { values, positionals } = parseArguments(args, EXPORT_SPECS)
  if (values.help) return undefined
  if (positionals.length > 0) throw new UsageError(`export-models takes no arguments, but was given ${positionals[0]}`)
  const { server, out, models } = values as Readonly<Record<string, string | undefined>>
  if (server === undefined) throw new UsageError('export-models needs --server triton, kserve or mlserver')
  if (out === undefined) throw new UsageError('export-models needs --out DIR')
  return { server: server as ServerKind, out, ...(models !== undefined && { modelsDir: models }) }
}
