import type { AlignedFace } from '../face/types.ts'
import type { Manifest } from '../inference/manifest.ts'
import type { TensorModel } from '../inference/tensor-model.ts'
import { inBatches, takeOutput } from './batch.ts'
import { calibrate } from './calibration.ts'
import { rows, stack, toTensor } from './tensor.ts'
import type { QualityScore } from './types.ts'

/** Length of the regressor's embedding. */
const EMBEDDING_LENGTH = 128

export interface ScoredFace {
  readonly score: QualityScore
  /** The regressor's own embedding, 128 numbers. A by-product: not for matching, and personal data like every embedding. */
  readonly embedding: Float32Array
}

/** DifFIQA(R): one pass of a small network distilled from full DifFIQA. */
export interface Regressor {
  /**
   * Score faces in one batch.
   * @returns one score per face, in order; no embeddings, so a score may be kept and shown.
   * @throws DiffiqaError `invalid-model-output`.
   */
  score(faces: readonly AlignedFace[]): Promise<QualityScore[]>
  /** The same, with the embeddings of the same pass. */
  scoreAndEmbed(faces: readonly AlignedFace[]): Promise<ScoredFace[]>
}

/**
 * Babnik, Peer, Štruc, "DifFIQA: Face Image Quality Assessment Using Denoising Diffusion Probabilistic Models" (IJCB 2023,
 * arXiv 2305.05768), §3.4: the distilled variant. This one also tells how sure it is: sigma = exp(log σ²/2) · the manifest's scale.
 * @param model Input `face` [N, 3, 112, 112] in −1..1; outputs `mean` [N], `log_variance` [N], `embedding` [N, 128].
 */
export function createRegressor(model: TensorModel, manifest: Manifest): Regressor {
  const { knots, sigmaScale } = manifest.scoring.regressor

  const scoreAndEmbed = (faces: readonly AlignedFace[]): Promise<ScoredFace[]> =>
    inBatches(model, faces, undefined, async (batch) => {
      const outputs = await model.run({ face: stack(batch.map(({ pixels }) => toTensor(pixels))) })
      const mean = takeOutput(outputs, 'mean', batch.length, 1)
      const logVariance = takeOutput(outputs, 'log_variance', batch.length, 1)
      const embeddings = rows(takeOutput(outputs, 'embedding', batch.length, EMBEDDING_LENGTH), EMBEDDING_LENGTH)
      return embeddings.map((embedding, i): ScoredFace => {
        const sigma = Math.exp((logVariance[i] as number) / 2) * sigmaScale
        const score: QualityScore = {
          ...calibrate(knots, mean[i] as number, sigma),
          method: 'diffiqa-r',
          modelVersion: manifest.modelVersion,
        }
        // A copy of its own: a view would drag the whole batch's buffer along when it is moved to another thread.
        return { score, embedding: embedding.slice() }
      })
    })

  return {
    scoreAndEmbed,
    score: async (faces) => (await scoreAndEmbed(faces)).map(({ score }) => score),
  }
}
