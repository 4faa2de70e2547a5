export {
  type AzureFaceMatcher,
  type AzureFaceOptions,
  type AzureMatcherQuality,
  type AzureSource,
  azureFace,
} from './adapters/azure-face.ts'
export type { AzureFaceLike } from './adapters/azure-face-client.ts'
export type { RatedSource } from './adapters/rated-source.ts'
