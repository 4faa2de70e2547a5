/**
 * The built worker file. A worker thread cannot run TypeScript, so that from source the worker of the last build is used; in the package
 * all built files lie in one folder.
 */
export function workerUrl(here: string = import.meta.url): URL {
  return new URL(here.endsWith('.ts') ? '../../dist/worker.js' : './worker.js', here)
}
