import { MODEL_CONTRACTS } from '../../src/inference/model-contract.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { encodeRequest, parseJson } from '../../src/inference/remote/oip-codec.ts'
import { REMOTE_MODEL_NAMES } from '../../src/inference/remote/remote-models.ts'
import { joinFeeds } from '../../src/inference/remote/tensor-batch.ts'

/**
 * What a batch saves: milliseconds a face of each network by faces in one run, one thread. And what a face costs on its way to a server. The best of
 * several runs, since whatever else runs on the machine only adds.
 */
const SIZES = [1, 2, 4, 8, 16]
const RUNS = 12

async function best(work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now()
    await work()
    least = Math.min(least, performance.now() - start)
  }
  return least
}

const store = await ModelStore.open()
console.log(`| network | ${SIZES.map((size) => `${size}`).join(' | ')} |`)
console.log(`| --- | ${SIZES.map(() => '---').join(' | ')} |`)
for (const name of REMOTE_MODEL_NAMES) {
  const model = await store.session(name)
  const cells: string[] = []
  for (const size of SIZES) {
    const feeds = joinFeeds(Array.from({ length: size }, () => MODEL_CONTRACTS[name].selfTestFeeds()))
    cells.push(((await best(() => model.run(feeds))) / size).toFixed(1))
  }
  console.log(`| ${name} | ${cells.join(' | ')} |`)
}
await store.close()

// Arbitrary numbers, as full DifFIQA sends them; those of a photo's pixels are shorter.
const face = { data: Float32Array.from({ length: 3 * 112 * 112 }, (_, k) => Math.sin(k)), dims: [1, 3, 112, 112] }
for (const encoding of ['binary', 'json'] as const) {
  const { body } = encodeRequest({ face }, ['mean'], encoding)
  const write = await best(() => encodeRequest({ face }, ['mean'], encoding))
  const read = encoding === 'json' ? `, read ${(await best(() => parseJson(body))).toFixed(2)} ms` : ''
  console.log(`${encoding}: ${body.length} bytes a face, written in ${write.toFixed(2)} ms${read}`)
}
