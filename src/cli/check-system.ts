import { availableParallelism, totalmem } from 'node:os'
import type { ImageFormat } from '../face/sniff.ts'
import { nativeModuleMissing } from '../inference/native-module.ts'
import { silenceRuntime, telemetryDisabled } from '../inference/runtime-telemetry.ts'
import { type Check, CheckFailed } from './check.ts'
import { packageInfo } from './package-info.ts'

/** True when version `a` is at least `b`; numbers only, missing ones count as 0. */
function atLeast(a: string, b: string): boolean {
  const [x, y] = [a, b].map((version) => version.split('.').map((part) => Number.parseInt(part, 10)))
  for (let i = 0; i < 3; i++) {
    const difference = (x?.[i] ?? 0) - (y?.[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}

/** Node's version against the `>=` range of package.json. */
export const nodeCheck = (version = process.versions.node): Check => ({
  name: 'node',
  async run() {
    const { node: range } = packageInfo()
    const least = range.replace(/^>=\s*/, '')
    if (!atLeast(version, least))
      throw new CheckFailed(`v${version}, needed is ${range}`, `Install Node ${least} or newer: https://nodejs.org`)
    return `v${version} (needed: ${range})`
  },
})

/** onnxruntime-node has binaries for these, and on Linux for glibc only. */
export const platformCheck: Check = {
  name: 'platform',
  async run() {
    const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
    const libc = header.glibcVersionRuntime
    const name = `${process.platform} ${process.arch}`
    if (process.platform === 'linux' && !libc)
      throw new CheckFailed(`${name} without glibc`, 'Use an image with glibc, such as node:20-slim instead of Alpine')
    return `${name}${libc ? `, glibc ${libc}` : ''}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB memory`
  },
}

const FORMATS: readonly ImageFormat[] = ['jpeg', 'png', 'webp', 'tiff', 'avif']

/** Sharp loads, and a small picture survives being written and read in every format that photos come in. */
export const sharpCheck: Check = {
  name: 'sharp',
  async run() {
    const { default: sharp } = await load('sharp', () => import('sharp'))
    // Only now: it loads sharp itself, and a doctor that cannot start helps nobody.
    const { decode } = await import('../face/decode.ts')
    const { sharp: version, vips } = sharp.versions
    const picture = { create: { width: 16, height: 16, channels: 3, background: '#a87' } } as const
    for (const format of FORMATS) {
      try {
        await decode(await sharp(picture).toFormat(format).toBuffer())
      } catch (cause) {
        throw new CheckFailed(
          `${version} with libvips ${vips} cannot read ${format}`,
          'Install sharp with its own libvips: npm install --include=optional sharp, and unset SHARP_FORCE_GLOBAL_LIBVIPS',
          cause,
        )
      }
    }
    return `${version}, libvips ${vips}, reads ${FORMATS.join(', ')}`
  },
}

/** onnxruntime-node's native library loads; whether it reports to its makers. */
export const onnxruntimeCheck: Check = {
  name: 'onnxruntime-node',
  async run() {
    const { env } = await load('onnxruntime-node', () => import('onnxruntime-node'))
    silenceRuntime()
    return `${env.versions.node ?? env.versions.common}, its telemetry is ${telemetryDisabled() ? 'off' : 'on, as the environment asks'}`
  },
}

async function load<T>(name: string, importer: () => Promise<T>): Promise<T> {
  try {
    return await importer()
  } catch (cause) {
    throw nativeModuleMissing(cause) ?? new CheckFailed(`cannot be loaded: ${cause}`, `Install ${name} again`, cause)
  }
}
