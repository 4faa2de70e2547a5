import { accessSync, constants } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

const INSTALLED = resolve('.cache/services/bin')

/**
 * The file of a program that a service test starts: what `test/services/install.sh` put into `.cache/services/bin`, else the one in PATH.
 * @param group The group of `install.sh` that provides it.
 * @throws where it is missing, here as in CI: a test that skips itself tells nothing.
 */
export function program(name: string, group: string): string {
  for (const folder of [INSTALLED, ...(process.env.PATH ?? '').split(delimiter)]) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {} // Not there: look on.
  }
  throw new Error(`${name} is missing; install it: test/services/install.sh ${group}`)
}
