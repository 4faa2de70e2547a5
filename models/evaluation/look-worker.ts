/** A worker thread of `npm run evaluate`: one photo in, what every network says of its face out; remembered by content. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { workerData } from 'node:worker_threads'
import { createByteCache, recallNumbers } from '../../src/evaluation/byte-cache.ts'
import { degrade } from '../../src/evaluation/degrade.ts'
import { sameFace } from '../../src/evaluation/degraded-set.ts'
import { cachedJudge } from '../../src/evaluation/embedding-cache.ts'
import { type Judge, openJudge } from '../../src/evaluation/judge.ts'
import type { JudgeContract } from '../../src/evaluation/judge-contract.ts'
import { subject } from '../../src/evaluation/subject.ts'
import { align, CROP_SIZE } from '../../src/face/align.ts'
import { decode } from '../../src/face/decode.ts'
import { createDetector } from '../../src/face/detector.ts'
import type { AlignedFace, Face, RgbImage } from '../../src/face/types.ts'
import type { Manifest } from '../../src/inference/manifest.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { createDiffiqa } from '../../src/quality/diffiqa.ts'
import { createRegressor } from '../../src/quality/diffiqa-r.ts'
import { embed } from '../../src/quality/embed.ts'
import { cropsToEmbed, weigh } from '../../src/quality/evidence.ts'
import { featureValue } from '../../src/quality/features.ts'
import { cosine } from '../../src/quality/similarity.ts'
import { edited } from './edit.ts'
import { imageBaselines } from './image-baselines.ts'
import type { Answer, Job, WorkerData } from './job.ts'
import { networks } from './networks.ts'

const SEED = 'diffiqa-crops-1'
/** Raise it when decoding, detection, alignment or a degradation changes: crops are remembered under it. */
const PIPELINE = 'crops 3'
const PIXELS = CROP_SIZE * CROP_SIZE * 3

// Piscina hands its own data along.
const data = ((workerData as { workerData?: WorkerData }[])[1] ?? workerData) as WorkerData
const cache = createByteCache(data.cacheFolder)
const store = await ModelStore.open({ modelsDir: data.modelsFolder })
const detector = createDetector(await store.session('detector'))
const hashes = Object.fromEntries(Object.entries(store.manifest.models).map(([name, { sha256 }]) => [name, sha256]))

/** Raw numbers are remembered, so that a new calibration costs nothing. */
const uncalibrated: Manifest = {
  ...store.manifest,
  scoring: {
    ...store.manifest.scoring,
    regressor: {
      knots: [
        [-1e9, -1e9],
        [1e9, 1e9],
      ],
      sigmaScale: 1,
    },
  },
}
const regressor = createRegressor(await store.session('regressor'), uncalibrated)
const sface = await store.session('embedder')
const diffiqa = createDiffiqa({
  embedder: sface,
  denoiser: await store.session('denoiser'),
  manifest: store.manifest,
})
const { tuned, paper } = store.manifest.scoring
const someDraws = { ...paper, draws: data.paperDraws }
const published = createDiffiqa({
  embedder: sface,
  denoiser: await store.session('denoiser'),
  manifest: { ...store.manifest, scoring: { ...store.manifest.scoring, paper: someDraws } },
  preset: 'paper',
})
const paperKey = JSON.stringify([
  hashes.embedder,
  hashes.denoiser,
  store.manifest.modelVersion,
  someDraws.timestep,
  someDraws.steps,
  someDraws.eta,
  someDraws.draws,
])
const featuresKey = JSON.stringify([
  hashes.embedder,
  hashes.denoiser,
  store.manifest.modelVersion,
  tuned.terms.map(({ feature, timestep, draws }) => [feature, timestep, draws]),
  tuned.steps,
  tuned.eta,
])

const contracts = networks(data.judgesFolder, data.modelsFolder)
const open = async (contract: JudgeContract): Promise<Judge> => cachedJudge(await openJudge(contract), contract, cache)
const judges = await Promise.all(contracts.judges.map(open))
const embedder = await open(contracts.embedder)
const peer = data.hasPeer ? await open(contracts.peer) : undefined

interface Cut {
  readonly confidence: number
  readonly interEye: number
  readonly residual: number
  readonly pixels: Uint8Array
}

async function faceOf({ path, name, damage, edit }: Job, bytes: Uint8Array): Promise<AlignedFace | undefined> {
  const { image } = await decode(bytes)
  const before = subject(await detector.detect(image), image)
  if (!before) return undefined
  let now: { image: RgbImage; face: Face | undefined } = { image, face: before }
  if (damage) {
    const worse = await degrade(image, before, damage.kind, damage.level, `${SEED}|${name}`)
    now = { image: worse, face: sameFace(before, image, await detector.detect(worse), worse) }
  }
  if (edit && now.face) {
    const other = await edited(now.image, edit, `${SEED}|${name}|${path.length}`)
    const faces = await detector.detect(other)
    const face = edit === 'mirror' ? subject(faces, other) : sameFace(now.face, now.image, faces, other)
    now = { image: other, face }
  }
  return now.face && align(now.image, now.face)
}

/** The crop, remembered with the three numbers of its face; no bytes at all where no face was found. */
async function cut(job: Job): Promise<Cut | undefined> {
  const bytes = await readFile(job.path)
  const { damage, edit, name } = job
  const photo = createHash('sha256').update(bytes).digest('hex')
  const key = JSON.stringify([
    PIPELINE,
    hashes.detector,
    SEED,
    photo,
    damage ? [damage.kind, damage.level, name] : null,
    edit ?? null,
  ])
  const kept = await cache.recall([key], async () => {
    const face = await faceOf(job, bytes)
    if (!face) return new Uint8Array()
    const facts = Float32Array.of(face.face.confidence, face.face.interEyeDistance, face.residual)
    const all = new Uint8Array(facts.byteLength + PIXELS)
    all.set(new Uint8Array(facts.buffer))
    all.set(face.pixels, facts.byteLength)
    return all
  })
  if (kept.length === 0) return undefined
  const [confidence, interEye, residual] = new Float32Array(kept.slice(0, 12).buffer) as unknown as [
    number,
    number,
    number,
  ]
  return { confidence, interEye, residual, pixels: kept.slice(12) }
}

/** The networks look at pixels alone. */
const asFace = (pixels: Uint8Array): AlignedFace => ({ pixels }) as AlignedFace

/** Not their sum, so that other weights cost nothing. */
const features = async (pixels: Uint8Array): Promise<number[]> => [
  ...(await recallNumbers(cache, [featuresKey, pixels], async () => {
    const { prepared } = await diffiqa.prepare({ pixels })
    const evidence = weigh(prepared, await embed(sface, cropsToEmbed(prepared)))
    return tuned.terms.map((term) => featureValue(evidence, prepared.x, term))
  })),
]

async function paperScore(pixels: Uint8Array): Promise<number> {
  const [raw] = await recallNumbers(cache, [paperKey, pixels], async () => [
    (await published.score(asFace(pixels))).raw,
  ])
  return raw as number
}

function flipped(pixels: Uint8Array): Uint8Array {
  const out = new Uint8Array(pixels.length)
  for (let y = 0; y < CROP_SIZE; y++)
    for (let x = 0; x < CROP_SIZE; x++) {
      const [to, from] = [(y * CROP_SIZE + x) * 3, (y * CROP_SIZE + CROP_SIZE - 1 - x) * 3]
      out.set(pixels.subarray(from, from + 3), to)
    }
  return out
}

export default async function look(job: Job): Promise<Answer> {
  const found = await cut(job)
  if (!found) return undefined
  const { pixels, ...facts } = found
  const [mean, deviation] = (await recallNumbers(cache, ['regressor', hashes.regressor as string, pixels], async () => {
    const [score] = await regressor.score([asFace(pixels)])
    return [score?.raw as number, score?.sigma as number]
  })) as unknown as [number, number]
  const own = job.with.baselines ? await embedder.embed(pixels) : undefined
  const embeddings: Float32Array[] = []
  if (job.with.judges) for (const judge of judges) embeddings.push(await judge.embed(pixels))
  return {
    ...facts,
    fast: { mean, deviation },
    features: job.with.full ? await features(pixels) : undefined,
    paper: job.with.full && job.with.baselines ? await paperScore(pixels) : undefined,
    embeddings: job.with.judges ? embeddings : undefined,
    norm: own && Math.hypot(...own),
    mirror: own && cosine(own, await embedder.embed(flipped(pixels))),
    peer: job.with.baselines ? (await peer?.embed(pixels))?.[0] : undefined,
    image: job.with.baselines ? imageBaselines(pixels) : undefined,
  }
}
