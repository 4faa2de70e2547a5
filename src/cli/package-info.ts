import { readFileSync } from 'node:fs'

export interface PackageInfo {
  readonly version: string
  /** Range of Node versions, such as `>=20.19`. */
  readonly node: string
}

/** From package.json: beside dist/ of the built package, or two folders up from this source file. */
export function packageInfo(): PackageInfo {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version, engines } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
      if (name === 'express-diffiqa') return { version, node: engines.node }
    } catch {
      // Not here: the other place is tried.
    }
  }
  return { version: 'unknown', node: '>=20.19' }
}
