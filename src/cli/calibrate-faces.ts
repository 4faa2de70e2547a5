import { relative, sep } from 'node:path'
import sharp from 'sharp'
import type { Probe } from '../adapters/matcher.ts'
import { once } from '../adapters/once.ts'
import { encodeFace } from '../adapters/probe.ts'
import type { CalibrationFace } from '../evaluation/calibration-face.ts'
import { DEGRADATIONS, degrade, type Level } from '../evaluation/degrade.ts'
import { seededRandom } from '../evaluation/seeded-random.ts'
import { align } from '../face/align.ts'
import { decode } from '../face/decode.ts'
import { createDetector } from '../face/detector.ts'
import type { AlignedFace, Face, RgbImage } from '../face/types.ts'
import type { Knots } from '../inference/manifest.ts'
import type { ModelStore } from '../inference/model-store.ts'
import { createDiffiqa } from '../quality/diffiqa.ts'
import { createRegressor } from '../quality/diffiqa-r.ts'
import { embed } from '../quality/embed.ts'
import { cropsToEmbed, weigh } from '../quality/evidence.ts'
import { featureValue, withoutHead } from '../quality/features.ts'
import { toPixels } from '../quality/tensor.ts'
import type { OpenedMatcher } from './calibrate-matcher.ts'
import { listInputs } from './inputs.ts'
import { naming } from './naming.ts'
import { readPhoto } from './read-photo.ts'
import { UsageError } from './usage-error.ts'

const SEED = 'diffiqa-calibrate-1'
/** A straight map: scores come out as they went in. */
const UNCALIBRATED: Knots = [
  [-1e6, -1e6],
  [1e6, 1e6],
]

export interface FacesOptions {
  readonly store: ModelStore
  readonly matcher: OpenedMatcher
  /** Is E the matcher's network? */
  readonly ownFeatures: boolean
  readonly copies: number
  readonly signal: AbortSignal
  readonly onPhoto: () => void
}

export interface ReadFaces {
  readonly faces: readonly CalibrationFace[]
  /** Photos in which the gate finds no face, copies included. */
  readonly withoutFace: number
}

/**
 * Everything about the photos `<Person>/<file>` of a folder, of the largest face of each, and of degraded copies of it.
 * @throws UsageError for a folder without people; whatever a photo that cannot be read throws: it would falsify the result
 */
export async function readFaces(folder: string, options: FacesOptions): Promise<ReadFaces> {
  const examine = await openExaminer(options)
  const faces: CalibrationFace[] = []
  let withoutFace = 0
  let photo = 0
  for await (const { path, problem } of listInputs([folder])) {
    if (options.signal.aborted) break
    const file = relative(folder, path).split(sep).join('/')
    const [person, inside] = file.split('/')
    if (!person || inside === undefined) continue
    if (problem) throw new UsageError(`${file}: ${problem.message}`)
    const looks = await naming(file, async () => examine(await readPhoto(path, { signal: options.signal }), file))
    for (const found of looks) {
      if (found) faces.push({ ...found, person, photo })
      else withoutFace++
    }
    photo++
    options.onPhoto()
  }
  if (photo === 0 && !options.signal.aborted)
    throw new UsageError(`no photos in ${folder}: they must lie in one folder per person`)
  return { faces, withoutFace }
}

type Found = Omit<CalibrationFace, 'person' | 'photo'>

async function openExaminer({ store, matcher, ownFeatures, copies }: FacesOptions) {
  const { manifest } = store
  const { scoring } = manifest
  const detector = createDetector(await store.session('detector'))
  const regressor = createRegressor(await store.session('regressor'), {
    ...manifest,
    scoring: { ...scoring, regressor: { ...scoring.regressor, knots: UNCALIBRATED } },
  })
  const [embedder, denoiser] = [await store.session('embedder'), await store.session('denoiser')]
  const diffiqa = createDiffiqa({ embedder, denoiser, manifest })

  async function featuresOf(aligned: AlignedFace): Promise<number[]> {
    const { prepared } = await diffiqa.prepare(aligned)
    const crops = cropsToEmbed(prepared)
    const foreign = ownFeatures ? matcher.embed?.bind(matcher) : undefined
    const seen = foreign
      ? (await foreign(crops.map((crop) => ({ ...aligned, pixels: toPixels(crop) })))).map((embedding) => ({
          embedding,
        }))
      : await embed(embedder, crops)
    const evidence = weigh(prepared, seen)
    const { terms } = scoring.tuned
    return (foreign ? withoutHead(terms) : terms).map((term) => featureValue(evidence, prepared.x, term))
  }

  async function examineFace(image: RgbImage, face: Face, bytes: Uint8Array, natural: boolean): Promise<Found> {
    const aligned = align(image, face)
    const [score] = await regressor.score([aligned])
    const embedding = await matcher.describe(probeOf(image, face, aligned, bytes))
    return {
      natural,
      fast: { raw: score?.raw as number, sigma: score?.sigma as number },
      features: await featuresOf(aligned),
      embedding,
    }
  }

  return async (bytes: Uint8Array, file: string): Promise<(Found | undefined)[]> => {
    const { image } = await decode(bytes)
    const [face] = await detector.detect(image)
    if (!face) return [undefined]
    const found: (Found | undefined)[] = [await examineFace(image, face, bytes, true)]
    for (let copy = 1; copy <= copies; copy++) {
      const seed = `${SEED}|${file}|${copy}`
      const random = seededRandom(seed)
      const kind = random.pick(DEGRADATIONS)
      const level = (1 + Math.floor(random.uniform() * 5)) as Level
      const worse = await degrade(image, face, kind, level, seed)
      const again = nearest(await detector.detect(worse), face, worse.width / image.width)
      found.push(again && (await examineFace(worse, again, await encode(worse), false)))
    }
    return found
  }
}

const encode = ({ width, height, data }: RgbImage): Promise<Uint8Array> =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer()

/** The face at the same place, where one is found within half a face's width. */
function nearest(faces: readonly Face[], { box }: Face, scale: number): Face | undefined {
  const [x, y] = [(box.x + box.width / 2) * scale, (box.y + box.height / 2) * scale]
  const off = ({ box: b }: Face): number => Math.hypot(b.x + b.width / 2 - x, b.y + b.height / 2 - y)
  const [first] = [...faces].sort((a, b) => off(a) - off(b))
  return first && off(first) < (box.width * scale) / 2 ? first : undefined
}

function probeOf(image: RgbImage, face: Face, aligned: AlignedFace, bytes: Uint8Array): Probe {
  return {
    photo: bytes,
    face,
    aligned,
    rgb: async () => image,
    jpeg: once(() => encodeFace(image, face)),
    base64: () => Buffer.from(bytes).toString('base64'),
  }
}
