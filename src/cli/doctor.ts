import { type ErrorCode, isDiffiqaError } from '../errors.ts'
import { type Check, CheckFailed, type CheckResult, CheckSkipped } from './check.ts'
import { ModelChecks } from './check-models.ts'
import { nodeCheck, onnxruntimeCheck, platformCheck, sharpCheck } from './check-system.ts'
import { workerCheck } from './check-worker.ts'
import { doctorHelp, parseDoctorOptions } from './doctor-options.ts'
import { EXIT } from './exit-codes.ts'
import { Output } from './output.ts'
import { printable } from './printable.ts'

const REINSTALL = 'Install express-diffiqa again, or name the right folder with --models'

const REMEDIES: Readonly<Partial<Record<ErrorCode, string>>> = {
  'model-missing': REINSTALL,
  'model-integrity': REINSTALL,
  'model-incompatible':
    'Install the version of onnxruntime-node that package.json of express-diffiqa names; if it is, models and code are of different releases',
  'native-module-missing': 'Install the modules again on this very machine',
  'worker-file-missing': 'Keep dist/ whole: leave express-diffiqa out of a bundle',
}

/**
 * `express-diffiqa doctor`.
 * @returns the exit code
 * @throws UsageError
 */
export async function doctor(args: readonly string[]): Promise<number> {
  const options = parseDoctorOptions(args)
  const output = new Output(process.stdout)
  if (!options) {
    await output.write(doctorHelp())
    return EXIT.ok
  }
  const models = new ModelChecks(options.modelsDir)
  const checks: readonly Check[] = [
    nodeCheck(),
    platformCheck,
    sharpCheck,
    onnxruntimeCheck,
    ...models.checks,
    workerCheck(options.modelsDir),
    models.timing,
  ]
  let failures = 0
  for (const check of checks) {
    const result = await examine(check)
    if (result.status === 'FAIL') failures++
    await output.write(options.json ? `${JSON.stringify(result)}\n` : resultText(result))
  }
  await models.close()
  await output.flush()
  return failures > 0 ? EXIT.failed : EXIT.ok
}

/** Runs a check; what it throws becomes its result. */
export async function examine({ name: check, run }: Check): Promise<CheckResult> {
  try {
    return { check, status: 'ok', fact: await run() }
  } catch (error) {
    const fact = error instanceof Error ? error.message : String(error)
    if (error instanceof CheckSkipped) return { check, status: 'skip', fact }
    return { check, status: 'FAIL', fact, remedy: remedyFor(error) }
  }
}

function remedyFor(error: unknown): string {
  if (error instanceof CheckFailed) return error.remedy
  const known = isDiffiqaError(error) ? REMEDIES[error.code] : undefined
  return known ?? 'This should not happen: please report it with the output of express-diffiqa doctor'
}

function resultText({ check, status, fact, remedy }: CheckResult): string {
  const line = `${status.padEnd(4)}  ${check.padEnd(17)} ${printable(fact)}\n`
  return remedy ? `${line}      ${' '.repeat(17)} -> ${printable(remedy)}\n` : line
}
