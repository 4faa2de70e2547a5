/**
 * Does full DifFIQA with a matcher's own network as E tell that matcher's failures better than the general score does? Weights are fitted on
 * lfw-val as `express-diffiqa calibrate --quality matcher` fits them, and utility is reported on lfw-test, mixed, for pairs of two found faces.
 *
 *   npx tsx models/training/matcher-quality.ts --cache DIR --judges DIR
 *
 * The cache is that of matcher-embeddings.ts, of which only the crops are read; the judges are the networks that the step `fetch` makes.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { cosine, requireEmbedding } from '../../src/adapters/gallery.ts'
import type { CalibrationFace } from '../../src/evaluation/calibration-face.ts'
import { compare } from '../../src/evaluation/compare.ts'
import { fitCalibration } from '../../src/evaluation/fit-calibration.ts'
import { openJudge } from '../../src/evaluation/judge.ts'
import type { JudgeContract } from '../../src/evaluation/judge-contract.ts'
import { allPairs } from '../../src/evaluation/pairs.ts'
import type { AlignedFace } from '../../src/face/types.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { createDiffiqa } from '../../src/quality/diffiqa.ts'
import { createRegressor } from '../../src/quality/diffiqa-r.ts'
import { embed } from '../../src/quality/embed.ts'
import { cropsToEmbed, type Seen, weigh } from '../../src/quality/evidence.ts'
import { featureValue, withoutHead } from '../../src/quality/features.ts'
import { toPixels } from '../../src/quality/tensor.ts'
import { choose } from './prepared-photo.ts'

const { values } = parseArgs({ options: { cache: { type: 'string' }, judges: { type: 'string' } } })
const { cache, judges: folder } = values
if (!cache || !folder) throw new Error('usage: matcher-quality.ts --cache DIR --judges DIR')

const contract = (name: string, fmr: number, change: Partial<JudgeContract>): JudgeContract & { fmr: number } => ({
  name,
  model: join(folder, `${name}.onnx`),
  size: 112,
  layout: 'nchw',
  channels: 'rgb',
  mean: [0, 0, 0],
  std: [1, 1, 1],
  region: { centre: [56, 56], side: 112 },
  fmr,
  ...change,
})
const CONTRACTS = [
  contract('w600k_mbf', 1e-3, { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] }),
  contract('expo_mfn', 1e-3, { mean: [127.5, 127.5, 127.5], std: [128, 128, 128] }),
  contract('faceres', 1e-2, { size: 224, region: { centre: [56, 62], side: 128 } }),
]

interface Row {
  readonly file: string
  readonly natural: boolean
  readonly crop: Uint8Array
}

function readRows(pair: string): Row[] {
  const lines = readFileSync(join(cache as string, `${pair}.matchers.jsonl`), 'utf8')
    .split('\n')
    .filter(Boolean)
  return lines.flatMap((line): Row[] => {
    const { file, kind, crop } = JSON.parse(line)
    return crop === null ? [] : [{ file, natural: kind === null, crop: new Uint8Array(Buffer.from(crop, 'base64')) }]
  })
}

const store = await ModelStore.open()
const { manifest } = store
const { scoring } = manifest
const regressor = createRegressor(await store.session('regressor'), {
  ...manifest,
  scoring: {
    ...scoring,
    regressor: {
      ...scoring.regressor,
      knots: [
        [-1e6, -1e6],
        [1e6, 1e6],
      ],
    },
  },
})
const [embedder, denoiser] = [await store.session('embedder'), await store.session('denoiser')]
const diffiqa = createDiffiqa({ embedder, denoiser, manifest })
const judges = await Promise.all(CONTRACTS.map((one) => openJudge(one)))

/** A face as each network sees it: SFace first, then the judges. */
interface Looked extends Row {
  readonly fast: CalibrationFace['fast']
  readonly features: readonly (readonly number[])[]
  readonly embeddings: readonly Float32Array[]
}

async function look(row: Row): Promise<Looked> {
  const [score] = await regressor.score([{ pixels: row.crop } as AlignedFace])
  const { prepared } = await diffiqa.prepare({ pixels: row.crop })
  const crops = cropsToEmbed(prepared)
  const own = await embed(embedder, crops)
  const seen: Seen[][] = [own]
  for (const judge of judges) {
    const answers: Seen[] = []
    for (const crop of crops) answers.push({ embedding: await judge.embed(toPixels(crop)) })
    seen.push(answers)
  }
  return {
    ...row,
    fast: { raw: score?.raw as number, sigma: score?.sigma as number },
    features: seen.map((answers, network) => {
      const evidence = weigh(prepared, answers)
      const { terms } = scoring.tuned
      return (network === 0 ? terms : withoutHead(terms)).map((term) => featureValue(evidence, prepared.x, term))
    }),
    embeddings: seen.map(([first]) => (first as Seen).embedding),
  }
}

async function lookAll(rows: readonly Row[], title: string): Promise<Looked[]> {
  const looked: Looked[] = []
  for (const row of rows) {
    looked.push(await look(row))
    if (looked.length % 50 === 0) process.stderr.write(`\r${title}: ${looked.length}/${rows.length} `)
  }
  process.stderr.write('\n')
  return looked
}

const val = await lookAll([...readRows('lfw-val.clean'), ...readRows('lfw-val.mixed')], 'lfw-val')
const mixed = [
  ...readRows('lfw-test.clean').filter(({ file }) => !choose('mixed', file)),
  ...readRows('lfw-test.mixed'),
]
const test = await lookAll(mixed, 'lfw-test')
const photos = new Map([...new Set(val.map(({ file }) => file))].map((file, i) => [file, i]))

/** Raw full score and raw combination on lfw-test, with E = network `e`, weights for judge `j`. */
function scoresWith(e: number, j: number): { full: Float64Array; both: Float64Array } {
  const faces = val.map(
    (row): CalibrationFace => ({
      person: dirname(row.file),
      photo: photos.get(row.file) as number,
      natural: row.natural,
      fast: row.fast,
      features: row.features[e] as readonly number[],
      embedding: row.embeddings[j + 1] as Float32Array,
    }),
  )
  const { tuned, cascade } = fitCalibration(faces, {
    matcher: {
      direction: 'similarity',
      threshold: undefined,
      compare: (a, b) => cosine(requireEmbedding(a), requireEmbedding(b)),
    },
    scoring,
    ownFeatures: e > 0,
    fmr: CONTRACTS[j]?.fmr as number,
  }).scoring
  const full = Float64Array.from(test, ({ features }) =>
    tuned.terms.reduce((sum, { weight }, i) => sum + weight * (features[e]?.[i] as number), tuned.bias),
  )
  const { regressor: byFast, full: byFull } = cascade.combination
  return { full, both: full.map((value, i) => byFast * (test[i]?.fast.raw as number) + byFull * value) }
}

const comparisons = allPairs(test.map(({ file }) => dirname(file)))
const show = ({ value, low, high }: { value: number; low: number; high: number }): string =>
  `${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`
process.stdout.write(
  `Model version ${manifest.modelVersion}; fitted on ${val.length} faces of lfw-val, reported on ${test.length} faces of lfw-test, mixed; ${comparisons.genuine.first.length} genuine pairs.\n\n| matcher | FNMR | score | U(0.2), general | U(0.2), with its own network | difference |\n| --- | --- | --- | --- | --- | --- |\n`,
)
for (const [j, { name, fmr }] of CONTRACTS.entries()) {
  const [general, own] = [scoresWith(0, j), scoresWith(j + 1, j)]
  const judge = { name, fmr, embeddings: test.map(({ embeddings }) => embeddings[j + 1]) }
  for (const part of ['full', 'both'] as const) {
    const columns = [
      { name: 'general', quality: general[part] },
      { name: 'own', quality: own[part] },
    ]
    const { judges: facts, results } = compare(comparisons, [judge], columns, { limits: [0.2], rounds: 400, seed: '1' })
    const [first, second] = results.filter(({ judge }) => judge === name)
    const [g, o, d] = [first?.utility[0], second?.utility[0], second?.difference?.[0]]
    if (!g || !o || !d) throw new Error('no result')
    const title = part === 'full' ? 'full DifFIQA' : 'both looks combined'
    process.stdout.write(
      `| ${name} | ${(100 * (facts[0]?.fnmr as number)).toFixed(1)} % at ${fmr} | ${title} | ${show(g)} | ${show(o)} | ${show(d)} |\n`,
    )
  }
}
await Promise.all(judges.map((judge) => judge.close()))
await store.close()
