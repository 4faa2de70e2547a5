import { relative, sep } from 'node:path'
import sharp from 'sharp'
import { type ErrorCode, isDiffiqaError } from '../errors.ts'
import { type CrossPattern, takesPart } from '../evaluation/cross-pairs.ts'
import { degrade } from '../evaluation/degrade.ts'
import { chooseDamage, type PhotoSet, sameFace } from '../evaluation/degraded-set.ts'
import type { Judge } from '../evaluation/judge.ts'
import type { AlignedFace } from '../face/types.ts'
import type { FaceSelection } from '../gate/face-selection.ts'
import type { Gate } from '../gate/gate.ts'
import type { Verdict } from '../gate/types.ts'
import { listInputs } from './inputs.ts'
import { naming } from './naming.ts'
import { orderedMap } from './ordered-map.ts'
import { readPhoto } from './read-photo.ts'
import { UsageError } from './usage-error.ts'

/** Photos that count as such, but without a face in them. */
const NO_FACE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['no-face', 'face-too-small'])

/** A photo of a known person. */
export interface PersonPhoto {
  /** `Person/file`, with slashes. */
  readonly file: string
  readonly person: string
  /** Of its largest face; undefined where none was found. */
  readonly verdict: Verdict | undefined
  /** Per judge. */
  readonly embeddings: readonly (Float32Array | undefined)[]
  /** The same before the photo was degraded. */
  readonly natural: readonly (Float32Array | undefined)[]
}

export interface ReadPhotosOptions {
  readonly gate: Pick<Gate, 'assess'>
  readonly judges: readonly Judge[]
  readonly full: boolean
  /** Other photos are passed over. @default all are read */
  readonly cross?: CrossPattern | undefined
  readonly set: PhotoSet
  /** Decides what is degraded, and how. */
  readonly seed: string
  readonly jobs: number
  readonly signal: AbortSignal
  /** A photo is done. */
  readonly onPhoto: () => void
}

/**
 * Scores and embeds the photos `<Person>/<file>` of a folder; files that lie beside the people's folders are passed over.
 * @throws UsageError for a folder without people; whatever a photo that cannot be read throws: it would falsify the result
 */
export async function readPeople(folder: string, options: ReadPhotosOptions): Promise<PersonPhoto[]> {
  const photos: PersonPhoto[] = []
  const { judges, cross, signal } = options
  const work = orderedMap(
    listInputs([folder]),
    async ({ path }) => {
      const file = relative(folder, path).split(sep).join('/')
      const [person, inside] = file.split('/')
      if (!person || inside === undefined || (cross && !takesPart(file, cross))) return undefined
      const looks = await naming(file, async () => lookAt(await readPhoto(path, { signal }), file, options))
      return { file, person, ...looks }
    },
    2 * options.jobs,
    signal,
  )
  const embed = async (pixels: Uint8Array | undefined): Promise<(Float32Array | undefined)[]> => {
    const embeddings: (Float32Array | undefined)[] = []
    for (const judge of judges) embeddings.push(pixels && (await judge.embed(pixels)))
    return embeddings
  }
  for await (const photo of work) {
    if (!photo) continue
    const { before, now, ...rest } = photo
    const embeddings = await embed(now?.aligned.pixels)
    const natural = before === now ? embeddings : await embed(before?.aligned.pixels)
    photos.push({ ...rest, verdict: now?.verdict, embeddings, natural })
    options.onPhoto()
  }
  if (photos.length === 0 && !signal.aborted)
    throw new UsageError(`no photos in ${folder}: they must lie in one folder per person`)
  return photos
}

/** A face and what the gate says of it. */
interface Seen {
  readonly verdict: Verdict
  readonly aligned: AlignedFace
}

/** The photo's largest face before the photo is degraded, and after; the same object where nothing was done to it. */
async function lookAt(
  bytes: Uint8Array,
  file: string,
  options: ReadPhotosOptions,
): Promise<{ before: Seen | undefined; now: Seen | undefined }> {
  const { set, seed } = options
  const damage = chooseDamage(set, file, seed)
  // Only what counts gets the full score.
  const [before] = await facesOf(bytes, 'largest', { ...options, full: options.full && !damage })
  if (!damage || !before) return { before, now: before }
  const { decode } = await import('../face/decode.ts')
  const { image } = await decode(bytes)
  const worse = await degrade(image, before.aligned.face, damage.kind, damage.level, `${seed}|${file}`)
  const { width, height, data } = worse
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer()
  const after = await facesOf(png, 'all', options)
  const faces = after.map((seen) => seen.aligned.face)
  const same = sameFace(before.aligned.face, image, faces, worse)
  return { before, now: same && after[faces.indexOf(same)] }
}

async function facesOf(
  bytes: Uint8Array,
  faces: FaceSelection,
  { gate, full, signal }: Pick<ReadPhotosOptions, 'gate' | 'full' | 'signal'>,
): Promise<Seen[]> {
  try {
    const { verdict, verdicts, aligned } = await gate.assess(bytes, { faces, full, crops: true, signal })
    const all = faces === 'all' ? verdicts : [verdict]
    return aligned.map((face, k) => ({ aligned: face, verdict: all[k] as Verdict }))
  } catch (error) {
    if (isDiffiqaError(error) && NO_FACE.has(error.code)) return []
    throw error
  }
}
