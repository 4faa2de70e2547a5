/**
 * Write what the matchers that run here see in the photos of a set, so that down-weighting and pooling can be measured again and again
 * without their networks. Photos that are in the output already are not embedded again: an interrupted run goes on.
 *
 *   npx tsx models/training/matcher-embeddings.ts --data DIR --out DIR SET.VARIANT …
 *
 * Per pair it appends to SET.VARIANT.matchers.jsonl, one line a photo: its 112×112 crop, and the embeddings of Human, face-api and SFace, all as
 * base64; null where no face was found. Lines of `mixed` are of its degraded photos only; the others are in `clean`.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { describeWithFaceApi, type FaceApiLike } from '../../src/adapters/face-api-face.ts'
import { describeFace } from '../../src/adapters/human-face.ts'
import type { Probe } from '../../src/adapters/matcher.ts'
import { align } from '../../src/face/align.ts'
import { createDetector } from '../../src/face/detector.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { embed } from '../../src/quality/embed.ts'
import { toTensor } from '../../src/quality/tensor.ts'
import { realFaceApi } from '../../test/fixtures/face-api.ts'
import { realHuman } from '../../test/fixtures/human.ts'
import { choose, preparePhoto } from './prepared-photo.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { data: { type: 'string' }, out: { type: 'string' } },
})
const { data, out } = values
if (!data || !out || positionals.length === 0)
  throw new Error('usage: matcher-embeddings.ts --data DIR --out DIR SET.VARIANT …')
await mkdir(out, { recursive: true })

const store = await ModelStore.open()
const detector = createDetector(await store.session('detector'))
const sface = await store.session('embedder')
const human = await realHuman()
const faceApi = (await realFaceApi()) as unknown as FaceApiLike
const how = { detector: new faceApi.SsdMobilenetv1Options({ minConfidence: 0.1 }), tinyLandmarks: false }

const base64 = (numbers: ArrayLike<number>): string => Buffer.from(Float32Array.from(numbers).buffer).toString('base64')

/** A matcher that finds no face in what the gate found one in: no embedding. */
async function attempt(describe: () => Promise<{ readonly embedding: ArrayLike<number> }>): Promise<string | null> {
  try {
    return base64((await describe()).embedding)
  } catch (error) {
    if ((error as { code?: string }).code === 'no-face') return null
    throw error
  }
}

async function lineOf(path: string, file: string, variant: string): Promise<object> {
  const { image, face, choice } = await preparePhoto(await readFile(path), file, variant, detector)
  const mark = { file, kind: choice?.kind ?? null, level: choice?.level ?? 0 }
  if (!face) return { ...mark, crop: null, human: null, faceApi: null, sface: null }
  const aligned = align(image, face)
  const probe = { face, aligned, rgb: async () => image } as unknown as Probe
  const tensor = (rgb: Uint8Array, width: number, height: number) => human.tf.tensor(rgb, [height, width, 3], 'int32')
  return {
    ...mark,
    residual: aligned.residual,
    crop: Buffer.from(aligned.pixels).toString('base64'),
    human: await attempt(() => describeFace(human, tensor, probe)),
    faceApi: await attempt(() => describeWithFaceApi(faceApi, how, probe)),
    sface: base64((await embed(sface, [toTensor(aligned.pixels)]))[0]?.embedding as Float32Array),
  }
}

for (const pair of positionals) {
  const [set, variant] = pair.split('.') as [string, string]
  const target = join(out, `${pair}.matchers.jsonl`)
  const before = existsSync(target) ? readFileSync(target, 'utf8').split('\n').filter(Boolean) : []
  const done = new Set(before.map((line) => JSON.parse(line).file))
  const root = join(data, set)
  const files = (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.(jpe?g|png)$/i.test(entry.name))
    .map((entry) => join(set, relative(root, join(entry.parentPath, entry.name))))
    .filter((file) => dirname(file) !== set && (variant === 'clean' || choose(variant, file)))
    .sort()
  const begun = performance.now()
  for (const [n, file] of files.entries()) {
    if (!done.has(file)) appendFileSync(target, `${JSON.stringify(await lineOf(join(data, file), file, variant))}\n`)
    if (n % 20 === 19 || n === files.length - 1)
      process.stderr.write(`\r${pair}: ${n + 1}/${files.length}, ${((performance.now() - begun) / 1000).toFixed(0)} s `)
  }
  process.stderr.write('\n')
}
await store.close()
