import { createHash } from 'node:crypto'
import type { Manifest } from '../inference/manifest.ts'
import type { ResolvedGateOptions } from './options.ts'
import type { ScoringContext } from './photo-key.ts'
import type { RememberedPhoto, ScoreCache } from './score-cache.ts'
import type { SharedFace, SharedScores } from './shared-scores.ts'

/** What a gate shares with others, and how it tells them. */
export interface Sharing {
  readonly shared: SharedScores | undefined
  /** Tells the others of a photo as the cache has it now. */
  readonly share: (key: string) => void
  /** Of the keys of photos; undefined: drawn by chance. */
  readonly secret?: Uint8Array
  readonly key: Pick<ScoringContext, 'scoring'>
}

const ALONE: Sharing = { shared: undefined, share: () => {}, key: {} }

/** The store that the options name; by default there is none, and then its circuit breaker is not loaded either. */
export async function openSharedScores(
  { cache }: Pick<ResolvedGateOptions, 'cache'>,
  { modelVersion }: Manifest,
): Promise<SharedScores | undefined> {
  if (!cache?.shared) return undefined
  const { SharedScores } = await import('./shared-scores.ts')
  return new SharedScores({ ...cache.shared, modelVersion })
}

/** Sharing by a store that is open. */
export function sharingBy(
  shared: SharedScores | undefined,
  { cache: options, matcher }: Pick<ResolvedGateOptions, 'cache' | 'matcher'>,
  { scoring, models }: Manifest,
  cache: ScoreCache | undefined,
): Sharing {
  if (!shared || !options?.shared || !cache) return ALONE
  return {
    shared,
    share(key) {
      const faces = shareable(cache.get(key), scoring.cascade.residualCap)
      if (faces) shared.set(key, faces)
    },
    secret: options.shared.secret,
    key: { scoring: digest([models, scoring, matcher?.name, matcher?.modelId]) },
  }
}

/** Another calibration or network makes other scores of the same photo. */
const digest = (facts: unknown): string => createHash('sha256').update(JSON.stringify(facts)).digest('base64url')

/**
 * The scores of a photo; undefined where they would mean something else without what is not shared: a fast score of a face whose landmarks
 * fit badly is in doubt, which the score does not show.
 */
function shareable(photo: RememberedPhoto | undefined, residualCap: number): SharedFace[] | undefined {
  const faces = photo?.scored.map(({ fast, full, aligned }) => {
    return full || aligned.residual <= residualCap ? { fast, full: full?.full } : undefined
  })
  return faces?.every((face) => face !== undefined) ? faces : undefined
}
