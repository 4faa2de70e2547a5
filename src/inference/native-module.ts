import { DiffiqaError } from '../errors.ts'

const MISSING = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED'])

const HINTS: Readonly<Record<string, string>> = {
  'onnxruntime-node':
    'Install it for this platform. Without internet its install script fails on CUDA libraries that are not needed here: ' +
    'install with the environment variable ONNXRUNTIME_NODE_INSTALL=skip, or set "allowScripts": {"onnxruntime-node": false} ' +
    'in package.json. On Alpine Linux it needs glibc.',
  sharp:
    'Install it for this platform with optional dependencies allowed (npm install --include=optional sharp); ' +
    'an installation copied from another operating system or processor does not load.',
}

/**
 * The typed error when `error` (or a cause below it) says that onnxruntime-node or sharp cannot be loaded; otherwise undefined.
 */
export function nativeModuleMissing(error: unknown): DiffiqaError | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { message } = at
    const code = 'code' in at ? String(at.code) : ''
    const name = Object.keys(HINTS).find((module) => message.includes(module) || at.stack?.includes(module))
    if (name && (MISSING.has(code) || message.startsWith('Could not load'))) {
      return new DiffiqaError('native-module-missing', `Cannot load ${name}. ${HINTS[name]}`, {
        cause: error,
        details: { module: name },
      })
    }
  }
  return undefined
}
