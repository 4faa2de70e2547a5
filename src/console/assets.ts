import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Request, Response } from 'express'
import { DiffiqaError } from '../errors.ts'

interface Asset {
  readonly type: string
  readonly body: Buffer
  readonly gzipped: Buffer
  readonly etag: string
}

/** Files of the page by their name in the URL; '' is the page itself. */
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '': ['index.html', 'text/html; charset=utf-8'],
  'app.js': ['app.js', 'text/javascript; charset=utf-8'],
  'console.css': ['console.css', 'text/css; charset=utf-8'],
  'icon.svg': ['icon.svg', 'image/svg+xml'],
}

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': POLICY,
  'Permissions-Policy': 'camera=(self), microphone=(), geolocation=(), display-capture=()',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cache-Control': 'no-cache',
}

/** Built files lie beside the built code; from source those of the last build are used. */
const folder = (here: string): URL => new URL(here.endsWith('.ts') ? '../../dist/console/' : './console/', here)

export type Assets = ReadonlyMap<string, Asset>

/**
 * Reads the page once.
 * @throws DiffiqaError `console-missing` when the package was bundled without its files.
 */
export function loadAssets(here: string = import.meta.url): Assets {
  const read = ([name, [file, type]]: (typeof entries)[number]): [string, Asset] => {
    const body = readFileSync(new URL(file, folder(here)))
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22)
    return [name, { type, body, gzipped: gzipSync(body, { level: 9 }), etag: `"${hash}"` }]
  }
  const entries = Object.entries(FILES)
  try {
    return new Map(entries.map(read))
  } catch (cause) {
    throw new DiffiqaError(
      'console-missing',
      'The files of the quality console were not found; keep express-diffiqa out of the bundle (mark it external)',
      { cause },
    )
  }
}

export function sendAsset(asset: Asset, req: Request, res: Response): void {
  res.set(HEADERS).set({ ETag: asset.etag, Vary: 'Accept-Encoding', 'Content-Type': asset.type })
  if (req.headers['if-none-match'] === asset.etag) return void res.status(304).end()
  const gzip = req.acceptsEncodings('gzip') === 'gzip'
  if (gzip) res.set('Content-Encoding', 'gzip')
  const body = gzip ? asset.gzipped : asset.body
  res.set('Content-Length', String(body.length)).end(req.method === 'HEAD' ? undefined : body)
}
