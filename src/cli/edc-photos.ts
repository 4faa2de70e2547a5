import { relative, sep } from 'node:path'
import { type ErrorCode, isDiffiqaError } from '../errors.ts'
import type { Judge } from '../evaluation/judge.ts'
import type { Gate } from '../gate/gate.ts'
import type { Verdict } from '../gate/types.ts'
import { listInputs } from './inputs.ts'
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
}

export interface ReadPhotosOptions {
  readonly gate: Pick<Gate, 'assess'>
  readonly judges: readonly Judge[]
  readonly full: boolean
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
  const { gate, judges, full, signal } = options
  const work = orderedMap(
    listInputs([folder]),
    async ({ path }) => {
      const file = relative(folder, path).split(sep).join('/')
      const [person, inside] = file.split('/')
      if (!person || inside === undefined) return undefined
      const bytes = await readPhoto(path, { signal })
      return { file, person, ...(await assessLargest(gate, bytes, full, signal)) }
    },
    2 * options.jobs,
    signal,
  )
  for await (const photo of work) {
    if (!photo) continue
    const { pixels, ...rest } = photo
    const embeddings: (Float32Array | undefined)[] = []
    for (const judge of judges) embeddings.push(pixels && (await judge.embed(pixels)))
    photos.push({ ...rest, embeddings })
    options.onPhoto()
  }
  if (photos.length === 0 && !signal.aborted)
    throw new UsageError(`no photos in ${folder}: they must lie in one folder per person`)
  return photos
}

async function assessLargest(
  gate: Pick<Gate, 'assess'>,
  bytes: Uint8Array,
  full: boolean,
  signal: AbortSignal,
): Promise<{ verdict: Verdict | undefined; pixels?: Uint8Array | undefined }> {
  try {
    const { verdict, aligned } = await gate.assess(bytes, { faces: 'largest', full, crops: true, signal })
    return { verdict, pixels: aligned[0]?.pixels }
  } catch (error) {
    if (isDiffiqaError(error) && NO_FACE.has(error.code)) return { verdict: undefined }
    throw error
  }
}
