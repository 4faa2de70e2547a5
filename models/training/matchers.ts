/**
 * Down-weighting and pooling for the matchers that run here: fitted on lfw-val, reported on lfw-test, from what matcher-embeddings.ts wrote.
 *
 *   npx tsx models/training/matchers.ts --cache DIR [--write]
 *
 * Prints Markdown; with --write the fitted r(q) and mean impostor scores go into models/manifest.json. Needs the sets lfw-val.clean,
 * lfw-val.mixed, lfw-test.clean and lfw-test.mixed in the cache; photos that are missing there are left out and counted.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { faceApi } from '../../src/adapters/face-api.ts'
import type { FaceApiLike } from '../../src/adapters/face-api-face.ts'
import { cosine, requireEmbedding } from '../../src/adapters/gallery.ts'
import { human } from '../../src/adapters/human.ts'
import type { ScoreScale } from '../../src/adapters/matcher.ts'
import { fitReliability } from '../../src/evaluation/fit-reliability.ts'
import type { AlignedFace } from '../../src/face/types.ts'
import { judge } from '../../src/gate/policy.ts'
import { poolEmbeddings } from '../../src/gate/pooling.ts'
import { adjustScore, reliability } from '../../src/gate/weighting.ts'
import type { Knots } from '../../src/inference/manifest.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { createRegressor } from '../../src/quality/diffiqa-r.ts'
import { realFaceApi } from '../../test/fixtures/face-api.ts'
import { realHuman } from '../../test/fixtures/human.ts'
import { choose } from './prepared-photo.ts'

const BINS = 8
const FRAMES = 3

const { values } = parseArgs({ options: { cache: { type: 'string' }, write: { type: 'boolean', default: false } } })
const { cache } = values
if (!cache) throw new Error('usage: matchers.ts --cache DIR [--write]')

interface Photo {
  readonly file: string
  readonly person: string
  /** Undefined where no face was found. */
  readonly crop: Uint8Array | undefined
  readonly embeddings: Readonly<Record<string, Float32Array | undefined>>
}

interface Adapter {
  readonly name: string
  readonly scale: ScoreScale
  compare(a: Float32Array, b: Float32Array): number
}

interface Scored extends Photo {
  /** Calibrated value of DifFIQA(R); NaN without a face. */
  readonly value: number
}

const floats = (text: string | null): Float32Array | undefined =>
  text === null ? undefined : new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer)

function readLines(pair: string): Map<string, Photo> {
  const lines = readFileSync(join(cache as string, `${pair}.matchers.jsonl`), 'utf8')
    .split('\n')
    .filter(Boolean)
  return new Map(
    lines.map((line): [string, Photo] => {
      const row = JSON.parse(line)
      const embeddings = { human: floats(row.human), 'face-api': floats(row.faceApi), onnx: floats(row.sface) }
      const crop = row.crop === null ? undefined : new Uint8Array(Buffer.from(row.crop, 'base64'))
      return [row.file, { file: row.file, person: dirname(row.file), crop, embeddings }]
    }),
  )
}

/** The untouched photos, and the same with a third of them degraded; only those that are in the cache in both. */
function readSet(set: string): { clean: Photo[]; mixed: Photo[] } {
  const [clean, degraded] = [readLines(`${set}.clean`), readLines(`${set}.mixed`)]
  const mixedOf = (file: string, photo: Photo): Photo | undefined =>
    choose('mixed', file) ? degraded.get(file) : photo
  const both = [...clean].flatMap(([file, photo]) => {
    const mixed = mixedOf(file, photo)
    return mixed ? [{ photo, mixed }] : []
  })
  return { clean: both.map(({ photo }) => photo), mixed: both.map(({ mixed }) => mixed) }
}

const store = await ModelStore.open()
const { manifest } = store
const regressor = createRegressor(await store.session('regressor'), manifest)

async function score(photos: readonly Photo[]): Promise<Scored[]> {
  const scored: Scored[] = []
  for (const photo of photos) {
    const [quality] = photo.crop ? await regressor.score([{ pixels: photo.crop } as AlignedFace]) : []
    scored.push({ ...photo, value: quality?.value ?? Number.NaN })
  }
  return scored
}

const loadedFaceApi = (await realFaceApi()) as unknown as FaceApiLike
const [byHuman, byFaceApi] = [human(await realHuman()), faceApi(loadedFaceApi)]
const adapters: readonly Adapter[] = [
  { name: 'human', scale: byHuman.scale, compare: byHuman.embeddings.compare },
  { name: 'face-api', scale: byFaceApi.scale, compare: byFaceApi.embeddings.compare },
  {
    name: 'onnx',
    scale: { direction: 'similarity', min: -1, max: 1, impostorMean: 0.09, defaultThreshold: 0.363 },
    compare: (a, b) => cosine(requireEmbedding(a), requireEmbedding(b)),
  },
]

interface Pair {
  readonly same: boolean
  readonly score: number
  readonly quality: number
}

function pairs(photos: readonly Scored[], { name, compare }: Adapter): Pair[] {
  const seen = photos.filter(({ embeddings }) => embeddings[name])
  const found: Pair[] = []
  for (let i = 0; i < seen.length; i++)
    for (let j = i + 1; j < seen.length; j++) {
      const [a, b] = [seen[i], seen[j]] as [Scored, Scored]
      const both = compare(a.embeddings[name] as Float32Array, b.embeddings[name] as Float32Array)
      found.push({ same: a.person === b.person, score: both, quality: Math.min(a.value, b.value) })
    }
  return found
}

const passes = ({ direction, defaultThreshold }: ScoreScale, value: number): boolean =>
  direction === 'similarity' ? value >= defaultThreshold : value < defaultThreshold
const share = <T>(items: readonly T[], holds: (item: T) => boolean): number => items.filter(holds).length / items.length
const percent = (value: number): string => `${(100 * value).toPrecision(2)} %`
const lines: string[] = []
const print = (...more: string[]): void => void lines.push(...more)

const { probe } = manifest.scoring.thresholds.balanced
const [val, test] = [readSet('lfw-val'), readSet('lfw-test')]
const [valClean, valMixed, testClean, testMixed] = [
  await score(val.clean),
  await score(val.mixed),
  await score(test.clean),
  await score(test.mixed),
]
const people = (photos: readonly Photo[]): number => new Set(photos.map(({ person }) => person)).size
print(
  `Model version ${manifest.modelVersion} (regressor ${manifest.models.regressor.sha256.slice(0, 8)}). Fitted on ${valClean.length} photos of ${people(valClean)} people of lfw-val, clean and mixed; reported on ${testMixed.length} photos of ${people(testMixed)} people of lfw-test, mixed.`,
  '',
  '| adapter | | FMR overall | FMR worst bin | FNMR |',
  '| --- | --- | --- | --- | --- |',
)

const fitted: Record<string, { impostorMean: number; knots: Knots }> = {}
for (const adapter of adapters) {
  const { name, scale } = adapter
  const clean = pairs(valClean, adapter).filter(({ same }) => !same)
  const impostors = [...clean, ...pairs(valMixed, adapter).filter(({ same }) => !same)]
  const impostorMean = clean.reduce((sum, { score }) => sum + score, 0) / clean.length
  const fmr = share(clean, ({ score }) => passes(scale, score))
  const knots = fitReliability(
    {
      score: Float64Array.from(impostors, ({ score }) => score),
      quality: Float64Array.from(impostors, ({ quality }) => quality),
    },
    { direction: scale.direction, impostorMean, threshold: scale.defaultThreshold, fmr },
  )
  if (!knots) throw new Error(`${name}: too few false matches to fit on`)
  fitted[name] = { impostorMean: Number(impostorMean.toPrecision(5)), knots }

  const all = pairs(testMixed, adapter)
  const shrinkage = { direction: scale.direction, impostorMean }
  const adjusted = ({ score, quality }: Pair): number =>
    adjustScore(score, quality >= probe.acceptFrom ? 1 : reliability(knots, quality), shrinkage)
  const report = (title: string, kept: readonly Pair[], of: (pair: Pair) => number): void => {
    const others = kept.filter(({ same }) => !same).sort((a, b) => a.quality - b.quality)
    const bins = Array.from({ length: BINS }, (_, bin) =>
      others.slice(Math.floor((bin * others.length) / BINS), Math.floor(((bin + 1) * others.length) / BINS)),
    )
    const rate = (part: readonly Pair[]): number => share(part, (pair) => passes(scale, of(pair)))
    const fnmr = share(
      kept.filter(({ same }) => same),
      (pair) => !passes(scale, of(pair)),
    )
    print(
      `| ${name} | ${title} | ${percent(rate(others))} | ${percent(Math.max(...bins.map(rate)))} | ${percent(fnmr)} |`,
    )
  }
  const admitted = all.filter(({ quality }) => judge(quality, probe).decision !== 'reject')
  report('raw, every face', all, ({ score }) => score)
  report('adjusted, every face', all, adjusted)
  report('raw, behind the gate', admitted, ({ score }) => score)
  report('adjusted, behind the gate', admitted, adjusted)
}

print(
  '',
  `Pooling: one untouched photo of a person is enrolled, ${FRAMES} others of the mixed set are the frames; FNMR at the default threshold.`,
  '',
  '| adapter | people | single frame | best frame | unweighted | by quality | by quality, squared |',
  '| --- | --- | --- | --- | --- | --- | --- |',
)
const byPerson = new Map<string, number[]>()
for (const [i, { person }] of testMixed.entries()) byPerson.set(person, [...(byPerson.get(person) ?? []), i])
for (const adapter of adapters) {
  const { name, scale, compare } = adapter
  const counts = { single: 0, frames: 0, best: 0, plain: 0, weighted: 0, squared: 0, people: 0 }
  for (const places of byPerson.values()) {
    const [enrolled, ...rest] = places
    const template = testClean[enrolled as number]?.embeddings[name]
    const frames = rest
      .slice(0, FRAMES)
      .map((place) => testMixed[place] as Scored)
      .filter(({ value, embeddings }) => embeddings[name] && judge(value, probe).decision !== 'reject')
    if (!template || rest.length < FRAMES || frames.length === 0) continue
    const items = frames.map(({ value, embeddings }) => ({
      quality: value,
      embedding: embeddings[name] as Float32Array,
    }))
    const length = items.reduce((sum, { embedding }) => sum + Math.hypot(...embedding), 0) / items.length
    const fails = (embedding: Float32Array): number => (passes(scale, compare(embedding, template)) ? 0 : 1)
    const pooled = (gamma: number): number =>
      fails(poolEmbeddings(items, { gamma }).template.map((value) => value * length))
    counts.people++
    counts.frames += items.length
    counts.single += items.reduce((sum, { embedding }) => sum + fails(embedding), 0)
    counts.best += fails([...items].sort((a, b) => b.quality - a.quality)[0]?.embedding as Float32Array)
    counts.plain += pooled(0)
    counts.weighted += pooled(1)
    counts.squared += pooled(2)
  }
  const rate = (failing: number): string => percent(failing / counts.people)
  print(
    `| ${name} | ${counts.people} | ${percent(counts.single / counts.frames)} | ${rate(counts.best)} | ${rate(counts.plain)} | ${rate(counts.weighted)} | ${rate(counts.squared)} |`,
  )
}
process.stdout.write(`${lines.join('\n')}\n`)
process.stderr.write(`${JSON.stringify(fitted)}\n`)

if (values.write) {
  const path = new URL('../manifest.json', import.meta.url)
  const whole = JSON.parse(readFileSync(path, 'utf8'))
  whole.scoring.downWeighting = { ...whole.scoring.downWeighting, ...fitted }
  writeFileSync(path, `${JSON.stringify(whole, null, 2)}\n`)
}
await store.close()
