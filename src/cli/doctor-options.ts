import { type OptionSpecs, parseArguments } from './arguments.ts'
import { optionHelp } from './help.ts'
import { UsageError } from './usage-error.ts'

export interface DoctorOptions {
  readonly json: boolean
  readonly modelsDir?: string
}

const DOCTOR_SPECS = {
  json: { help: 'JSON Lines: { check, status, fact, remedy }' },
  models: { value: 'DIR', help: 'models folder (default: the one of the package)' },
  help: { short: 'h', help: 'show this help' },
} satisfies OptionSpecs

/** Text of `express-diffiqa doctor --help`. */
export function doctorHelp(): string {
  return `Usage: express-diffiqa doctor [options]

Check that this machine can score faces: Node, the platform, sharp and its formats, onnxruntime-node, each model's hash
and self-test, a worker thread; then time one fast and one full score of a synthetic face.

Options:
${optionHelp(DOCTOR_SPECS)}
Exit code: 0 every check passed, 1 a check failed or wrong use.
`
}

/**
 * @returns undefined when help is wanted
 * @throws UsageError
 */
export function parseDoctorOptions(args: readonly string[]): DoctorOptions | undefined {
  const { values, positionals } = parseArguments(args, DOCTOR_SPECS)
  if (values.help) return undefined
  if (positionals.length > 0) throw new UsageError(`doctor takes no arguments, but was given ${positionals[0]}`)
  return { json: values.json === true, ...(values.models && { modelsDir: values.models as string }) }
}
