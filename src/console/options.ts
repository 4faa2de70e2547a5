import { checkKeys, checkNumber } from '../gate/check-keys.ts'

export interface ConsoleOptions {
  /** Most bytes of a photo. @default 8 MiB */
  readonly maxBytes?: number
  /** Milliseconds for receiving a photo. @default 10,000 */
  readonly uploadTimeoutMs?: number
  /** Milliseconds for scoring one photo, or for explaining one face. @default 10,000 */
  readonly deadlineMs?: number
  /** Photos in work at once; more are asked to come back in a second, so that trials leave the workers to the service. @default 2 */
  readonly maxConcurrent?: number
}

export type ResolvedConsoleOptions = Required<ConsoleOptions>

const DEFAULTS: ResolvedConsoleOptions = {
  maxBytes: 8 * 1024 * 1024,
  uploadTimeoutMs: 10_000,
  deadlineMs: 10_000,
  maxConcurrent: 2,
}

/** @throws DiffiqaError `invalid-option` (details.option) for an unknown key or an unusable value. */
export function resolveConsoleOptions(options: ConsoleOptions = {}): ResolvedConsoleOptions {
  const names = Object.keys(DEFAULTS) as (keyof ConsoleOptions)[]
  checkKeys('', options, names)
  const resolved = { ...DEFAULTS }
  for (const name of names) {
    const value = options[name]
    if (value === undefined) continue
    checkNumber(name, value, { min: 1, max: 2 ** 31 - 1, integer: true })
    resolved[name] = value
  }
  return Object.freeze(resolved)
}
