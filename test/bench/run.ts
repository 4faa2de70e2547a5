/**
 * `npm run bench`: every figure in one run on one machine, with a reference beside them, as a table and as JSON in bench-results/.
 * `npm run bench -- --quick` takes a tenth of the runs; `--photos 10000` watches memory over so many photos (default 300);
 * `--only gallery` takes one part. The gallery needs `test/services/install.sh postgres`; with `--crops DIR`, a folder that
 * models/training/crops.ts wrote, its people are real faces.
 */
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { align } from '../../src/face/align.ts'
import { decode } from '../../src/face/decode.ts'
import { createDetector } from '../../src/face/detector.ts'
import { createGate } from '../../src/gate/create-gate.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { createOnnxModel } from '../../src/inference/onnx-model.ts'
import { createDiffiqa } from '../../src/quality/diffiqa.ts'
import { createRegressor } from '../../src/quality/diffiqa-r.ts'
import { realHuman } from '../fixtures/human.ts'
import { MALLOC } from './allocator.ts'
import { galleryFigures } from './gallery.ts'
import { type BenchGoal, judge } from './goals.ts'
import { officialEmbedder, officialUnet } from './official-networks.ts'
import { operationFigures } from './operations.ts'
import { benchPhotos } from './photos.ts'
import { type Figure, figure, time } from './statistics.ts'

const quick = process.argv.includes('--quick')
const runs = (n: number): number => (quick ? Math.max(3, Math.round(n / 10)) : n)
const photosFlag = process.argv.indexOf('--photos')
const watched = photosFlag < 0 ? runs(300) : Number(process.argv[photosFlag + 1])
if (!(watched >= 1)) throw new Error('--photos takes a number')
const cropsFlag = process.argv.indexOf('--crops')
const crops = cropsFlag < 0 ? undefined : process.argv[cropsFlag + 1]
const EVENT_LOOP = 'event loop delay at twice the capacity'
const OFFICIAL = "DifFIQA's official cost: 120 passes of its UNet, 60 of its E"
const figures: Figure[] = []
const add = (...more: Figure[]): void => {
  for (const one of more) {
    figures.push(one)
    process.stderr.write(`${one.name}: ${one.median.toFixed(2)} ${one.unit}\n`)
  }
}

const photos = await benchPhotos()
let next = 0
const anyPhoto = (): Buffer => photos[next++ % photos.length] as Buffer

// The reference: work of a kind that every machine with sharp can repeat.
const reference = await time('reference: sharp decodes the 1280×720 JPEG', runs(60), () =>
  sharp(anyPhoto()).raw().toBuffer(),
)
add(reference)

async function networks(): Promise<void> {
  const store = await ModelStore.open()
  const detector = createDetector(await store.session('detector'))
  const { image } = await decode(anyPhoto())
  const [face] = await detector.detect(image)
  if (!face) throw new Error('the bench photo has no face')
  const aligned = align(image, face)
  const regressor = createRegressor(await store.session('regressor'), store.manifest)
  const both = {
    embedder: await store.session('embedder'),
    denoiser: await store.session('denoiser'),
    manifest: store.manifest,
  }
  const tuned = createDiffiqa({ ...both, preset: 'tuned' })
  const paper = createDiffiqa({ ...both, preset: 'paper' })
  add(
    await time('decode to RGB', runs(60), () => decode(anyPhoto())),
    await time('detect, points refined', runs(60), () => detector.detect(image)),
    await time('align', runs(100), () => align(image, face)),
    await time('DifFIQA(R), one face, one thread', runs(200), () => regressor.score([aligned])),
    await time('full DifFIQA, tuned, one thread', runs(60), () => tuned.score(aligned)),
    await time('full DifFIQA, paper preset, one thread', runs(5), () => paper.score(aligned)),
  )
  await store.close()
}

async function load(gate: Gate, atOnce: number, total: number): Promise<number> {
  let started = 0
  const begun = performance.now()
  const one = async (): Promise<void> => {
    while (started < total) {
      started++
      await gate.assess(anyPhoto(), { deadlineMs: 60_000 })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, one))
  return (total / (performance.now() - begun)) * 1000
}

async function gates(): Promise<void> {
  const begun = performance.now()
  const single = await createGate({ workers: 1, escalationBudget: 0 })
  add(figure('createGate() until ready, one worker', [performance.now() - begun]))
  add(await time('photo in → verdict, no escalation, one worker', runs(100), () => single.assess(anyPhoto())))
  add(
    await time('photo in → verdict with full DifFIQA, one worker', runs(30), () =>
      single.assess(anyPhoto(), { full: true }),
    ),
  )
  const one = await load(single, 4, runs(150))
  await single.close()

  const pair = await createGate({ workers: 2, escalationBudget: 0, maxQueue: 500 })
  await load(pair, 4, runs(40))
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const two = await load(pair, 8, runs(300))
  delay.disable()
  add(figure('throughput, one worker', [one], 'photos/s'), figure('throughput, two workers', [two], 'photos/s'))
  // The monitor's own timer of 5 ms is part of what it reports.
  add({
    ...figure('event loop delay while scoring, eight at once', [delay.percentile(50) / 1e6 - 5]),
    p99: delay.percentile(99) / 1e6 - 5,
  })
  await overload(pair, 2 * two)
  await pair.close()

  const cached = await createGate({ workers: 1, escalationBudget: 0, cache: true })
  const same = anyPhoto()
  await cached.assess(same)
  add(await time('gate without model time (cached photo)', runs(300), () => cached.assess(same)))
  await cached.close()
}

/** Photos come twice as fast as they can be scored, whether or not there is room. */
async function overload(gate: Gate, perSecond: number): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const coming = runs(Math.round(5 * perSecond))
  const waiting: Promise<unknown>[] = []
  for (let k = 0; k < coming; k++) {
    waiting.push(gate.assess(anyPhoto()).catch(() => undefined))
    await new Promise((done) => setTimeout(done, 1000 / perSecond))
  }
  await Promise.all(waiting)
  delay.disable()
  add({ ...figure(EVENT_LOOP, [delay.percentile(50) / 1e6 - 5]), p99: delay.percentile(99) / 1e6 - 5 })
}

/** One pass each of DifFIQA's official networks, made-up weights, convolutions only: its score takes 120 and 60 of them. */
async function official(): Promise<void> {
  const input = { face: { data: new Float32Array(3 * 112 * 112).fill(0.5), dims: [1, 3, 112, 112] } }
  const pass = async (name: string, bytes: Uint8Array, count: number): Promise<number> => {
    const model = await createOnnxModel(bytes, name, 1)
    const one = await time(`${name}, one pass, one thread`, runs(count), () => model.run(input))
    add(one)
    await model.dispose()
    return one.median
  }
  const unet = await pass('official UNet', officialUnet(), 3)
  const embedder = await pass('official E', officialEmbedder(), 5)
  add(figure(OFFICIAL, [120 * unet + 60 * embedder]))
}

async function memory(): Promise<void> {
  const child = fork(fileURLToPath(new URL('memory.mjs', import.meta.url)), {
    serialization: 'advanced',
    execArgv: [],
    env: { ...process.env, ...MALLOC },
  })
  child.send({ photos, count: watched })
  const [{ resident, growth }] = (await once(child, 'message')) as [{ resident: number; growth: number }]
  add(
    figure('resident memory with two workers', [resident], 'MB'),
    figure(`growth over ${watched} photos`, [growth], 'MB'),
  )
}

async function human(): Promise<void> {
  const instance = await realHuman()
  add(
    await time("Human's own detect with embedding, WASM, same photo", runs(20), async () => {
      const { image } = await decode(anyPhoto())
      const tensor = instance.tf.tensor(image.data, [image.height, image.width, 3], 'int32')
      await instance.detect(tensor)
      instance.tf.dispose(tensor)
    }),
  )
}

async function imports(): Promise<void> {
  const program = "const t = performance.now(); await import('express-diffiqa'); console.log(performance.now() - t)"
  const values = Array.from({ length: runs(10) }, () =>
    Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })),
  )
  add(figure("import of 'express-diffiqa'", values))
}

const gallery = async (): Promise<void> => add(...(await galleryFigures(runs(200), crops)))

const operations = async (): Promise<void> => add(...(await operationFigures(runs(200))))

const parts = { networks, gates, official, memory, human, imports, gallery, operations }
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined
if (only !== undefined && !(only in parts)) throw new Error(`--only takes one of ${Object.keys(parts).join(', ')}`)
for (const [name, part] of Object.entries(parts)) {
  if (only !== undefined && only !== name) continue
  try {
    await part()
  } catch (error) {
    if (only === name) throw error
    // Such as a database that is not installed: what the other parts took minutes to measure is kept.
    process.stderr.write(`${name} is left out: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}

const results = figures.map((f) => (f.unit === 'ms' ? { ...f, ratio: f.median / reference.median } : f))
const goals: BenchGoal[] = judge(figures)
const machine = `${process.platform} ${process.arch}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}`
mkdirSync('bench-results', { recursive: true })
writeFileSync(
  `bench-results/${new Date().toISOString().replaceAll(':', '-')}.json`,
  `${JSON.stringify({ date: new Date().toISOString(), machine, figures: results, goals }, null, 2)}\n`,
)
process.stdout.write(
  `\n${machine}\n\n| what | median | p99 | min | runs | × reference |\n| --- | --- | --- | --- | --- | --- |\n`,
)
for (const f of results) {
  const ratio = 'ratio' in f && f.ratio !== undefined ? f.ratio.toFixed(2) : ''
  process.stdout.write(
    `| ${f.name} | ${f.median.toFixed(2)} ${f.unit} | ${f.p99.toFixed(2)} | ${f.min.toFixed(2)} | ${f.runs} | ${ratio} |\n`,
  )
}
process.stdout.write('\n| goal | wanted | found | |\n| --- | --- | --- | --- |\n')
for (const { what, wanted, found, met } of goals)
  process.stdout.write(`| ${what} | ${wanted} | ${found} | ${met ? 'met' : '**missed**'} |\n`)
