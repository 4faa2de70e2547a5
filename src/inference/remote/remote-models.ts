import { MODEL_NAMES, type ModelName } from '../manifest.ts'

/** The networks that may run elsewhere: those that see nothing but crops of 112×112. The detector sees the photo and stays. */
export type RemoteModelName = Exclude<ModelName, 'detector'>

/** What may compute far away. */
export const REMOTE_MODEL_NAMES = MODEL_NAMES.filter((name): name is RemoteModelName => name !== 'detector')

/** Names that `express-diffiqa export-models` gives the networks on a server. */
export const SERVER_MODEL_NAMES: Readonly<Record<RemoteModelName, string>> = {
  embedder: 'diffiqa-embedder',
  denoiser: 'diffiqa-denoiser',
  regressor: 'diffiqa-regressor',
}
