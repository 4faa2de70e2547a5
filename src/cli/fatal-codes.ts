import type { ErrorCode } from '../errors.ts'

/** Failures that the next file would meet as well. */
export const FATAL_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'gate-closed',
  'shutting-down',
  'invalid-option',
  'model-missing',
  'model-integrity',
  'model-incompatible',
  'native-module-missing',
  'worker-file-missing',
])
