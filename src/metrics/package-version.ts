import { readFileSync } from 'node:fs'

/** Version in package.json: beside dist/ of the built package, two folders up from this source file; `unknown` in a bundle without it. */
export function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
      if (name === 'express-diffiqa') return version
    } catch {
      // Not here: the other place is tried.
    }
  }
  return 'unknown'
}
