/**
 * Write the aligned crops that training reads, through the same decoder, detector and aligner that the server uses.
 *
 *   npx tsx models/training/crops.ts --data DIR --out DIR [--detector FILE] SET.VARIANT …
 *
 * SET is a folder of the data; VARIANT is `clean`, `degraded` (one random degradation a photo, for training), `mixed`
 * (35 % of the photos degraded) or `hard` (every photo, level 0 to 5). Per pair it writes SET.VARIANT.u8 (rows of
 * 112 × 112 × 3 bytes) and SET.VARIANT.jsonl (one line a photo; `i` is the row, or -1 where no face was found).
 */
import { once } from 'node:events'
import { createWriteStream, readFileSync, renameSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Degradation } from '../../src/evaluation/degrade.ts'
import { align } from '../../src/face/align.ts'
import { createDetector } from '../../src/face/detector.ts'
import type { Face } from '../../src/face/types.ts'
import { silenceRuntime } from '../../src/inference/runtime-telemetry.ts'
import { preparePhoto } from './prepared-photo.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string' },
    out: { type: 'string' },
    detector: { type: 'string', default: 'models/detector.onnx' },
  },
})
if (!values.data || !values.out || positionals.length === 0)
  throw new Error('usage: crops.ts --data DIR --out DIR [--detector FILE] SET.VARIANT …')

silenceRuntime()
const session = await InferenceSession.create(readFileSync(values.detector), {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
})
const detector = createDetector({
  inputs: session.inputNames,
  outputs: session.outputNames,
  async run(feeds) {
    const input = feeds.input as { data: Float32Array; dims: readonly number[] }
    const out = await session.run({ input: new Tensor('float32', input.data, input.dims) })
    return Object.fromEntries(
      Object.entries(out).map(([name, t]) => [name, { data: t.data as Float32Array, dims: t.dims }]),
    )
  },
  dispose: () => session.release(),
})

interface Row {
  readonly face: Face | undefined
  readonly pixels: Uint8Array | undefined
  readonly residual: number
  readonly kind: Degradation | null
  readonly level: number
}

async function cropOf(path: string, file: string, variant: string): Promise<Row> {
  const { image, face, choice } = await preparePhoto(await readFile(path), file, variant, detector)
  const mark = { kind: choice?.kind ?? null, level: choice?.level ?? 0 }
  if (!face) return { face, pixels: undefined, residual: 0, ...mark }
  const aligned = align(image, face)
  return { face, pixels: aligned.pixels, residual: aligned.residual, ...mark }
}

const round = (value: number): number => Math.round(value * 1000) / 1000

for (const pair of positionals) {
  const [set, variant] = pair.split('.') as [string, string]
  const root = join(values.data, set)
  const files = (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.(jpe?g|png)$/i.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
  if (files.length === 0) throw new Error(`${root} has no photos (links are not followed)`)
  const base = join(values.out, pair)
  const pixels = createWriteStream(`${base}.u8.part`)
  const lines = createWriteStream(`${base}.jsonl.part`)
  let rows = 0
  const begun = performance.now()
  for (const [n, file] of files.entries()) {
    const row = await cropOf(join(root, file), `${set}/${file}`, variant).catch((error: unknown) => {
      process.stderr.write(`${file}: ${String(error)}\n`)
      return undefined
    })
    const person = dirname(file) === '.' ? null : dirname(file)
    const face = row?.face
    lines.write(
      `${JSON.stringify({
        i: row?.pixels ? rows : -1,
        file,
        person,
        kind: row?.kind ?? null,
        level: row?.level ?? 0,
        ...(face && {
          confidence: round(face.confidence),
          interEye: round(face.interEyeDistance),
          residual: round(row.residual),
          pose: { yaw: round(face.pose.yaw), pitch: round(face.pose.pitch), roll: round(face.pose.roll) },
        }),
      })}\n`,
    )
    if (row?.pixels) {
      rows++
      if (!pixels.write(row.pixels)) await once(pixels, 'drain')
    }
    if (n % 200 === 199 || n === files.length - 1) {
      const seconds = (performance.now() - begun) / 1000
      process.stderr.write(
        `\r${pair}: ${n + 1}/${files.length}, ${rows} faces, ${((n + 1) / seconds).toFixed(0)} photos/s `,
      )
    }
  }
  process.stderr.write('\n')
  await Promise.all([
    new Promise<void>((resolve) => pixels.end(() => resolve())),
    new Promise<void>((resolve) => lines.end(() => resolve())),
  ])
  renameSync(`${base}.u8.part`, `${base}.u8`)
  renameSync(`${base}.jsonl.part`, `${base}.jsonl`)
}
