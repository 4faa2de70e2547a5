/**
 * `npm run bench`: every figure in one run on one machine, with a reference beside them, as a table and as JSON in bench-results/.
 * `npm run bench -- --quick` takes a tenth of the runs.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import sharp from 'sharp'
import { align } from '../../src/face/align.ts'
import { decode } from '../../src/face/decode.ts'
import { createDetector } from '../../src/face/detector.ts'
import { createGate } from '../../src/gate/create-gate.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { createDiffiqa } from '../../src/quality/diffiqa.ts'
import { createRegressor } from '../../src/quality/diffiqa-r.ts'
import { realHuman } from '../fixtures/human.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { type Figure, figure, time } from './statistics.ts'

const quick = process.argv.includes('--quick')
const runs = (n: number): number => (quick ? Math.max(3, Math.round(n / 10)) : n)
const figures: Figure[] = []
const add = (...more: Figure[]): void => {
  for (const one of more) {
    figures.push(one)
    process.stderr.write(`${one.name}: ${one.median.toFixed(2)} ${one.unit}\n`)
  }
}

/** One face in a 1280×720 JPEG, as a camera would send it; different bytes for every number. */
async function photo(mark: number): Promise<Buffer> {
  const face = await sharp(await sampleFace('f'))
    .resize({ height: 600 })
    .toBuffer()
  const background = { r: 90 + (mark % 50), g: 110, b: 120 }
  return sharp({ create: { width: 1280, height: 720, channels: 3, background } })
    .composite([{ input: face, left: 400 + (mark % 7), top: 60 }])
    .jpeg({ quality: 90 })
    .toBuffer()
}
const photos = await Promise.all(Array.from({ length: 40 }, (_, i) => photo(i)))
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
    await time('detect (640 × 384)', runs(60), () => detector.detect(image)),
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
  add(figure('resident memory with two workers', [process.memoryUsage().rss / 1e6], 'MB'))
  await pair.close()

  const cached = await createGate({ workers: 1, escalationBudget: 0, cache: true })
  const same = anyPhoto()
  await cached.assess(same)
  add(await time('gate without model time (cached photo)', runs(300), () => cached.assess(same)))
  await cached.close()
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

await networks()
await gates()
await human()
await imports()

const results = figures.map((f) => (f.unit === 'ms' ? { ...f, ratio: f.median / reference.median } : f))
const machine = `${process.platform} ${process.arch}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}`
mkdirSync('bench-results', { recursive: true })
writeFileSync(
  `bench-results/${new Date().toISOString().replaceAll(':', '-')}.json`,
  `${JSON.stringify({ date: new Date().toISOString(), machine, figures: results }, null, 2)}\n`,
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
