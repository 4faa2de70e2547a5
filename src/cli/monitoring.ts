import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EXIT } from './exit-codes.ts'
import { dashboardFiles, ruleFiles } from './monitoring-files.ts'
import { type MonitoringCommand, monitoringHelp, parseMonitoringOptions } from './monitoring-options.ts'
import { Output } from './output.ts'

/**
 * `express-diffiqa dashboards` and `express-diffiqa rules`.
 * @returns the exit code
 * @throws UsageError, errors of writing
 */
export async function writeMonitoring(command: MonitoringCommand, args: readonly string[]): Promise<number> {
  const options = parseMonitoringOptions(command, args)
  const output = new Output(process.stdout)
  if (!options) {
    await output.write(monitoringHelp(command))
    return EXIT.ok
  }
  const files = command === 'rules' ? ruleFiles(options) : dashboardFiles(options)
  await mkdir(options.out, { recursive: true })
  for (const { name, text } of files) {
    const path = join(options.out, name)
    await writeFile(path, text)
    await output.write(`${path}\n`)
  }
  await output.flush()
  return EXIT.ok
}
