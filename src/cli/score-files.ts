import { isDiffiqaError } from '../errors.ts'
import type { Gate } from '../gate/gate.ts'
import type { Assessment } from '../gate/types.ts'
import type { Purpose } from '../inference/manifest.ts'
import type { CropWriter } from './crop-writer.ts'
import { faceRecords } from './face-record.ts'
import { FATAL_CODES } from './fatal-codes.ts'
import { fileProblem } from './file-problem.ts'
import type { Input } from './inputs.ts'
import { orderedMap } from './ordered-map.ts'
import { readPhoto } from './read-photo.ts'
import type { ScoredFile } from './scored-file.ts'

export interface ScoreFilesOptions {
  readonly gate: Pick<Gate, 'assess' | 'manifest'>
  /** Files in work at once; as many again are read ahead. */
  readonly jobs: number
  readonly purpose: Purpose
  readonly full: boolean
  readonly writeCrops?: CropWriter
  readonly signal: AbortSignal
}

/**
 * Scores files concurrently, results in the order of the inputs, with a bounded number of them in memory.
 * @throws what stops the work as a whole: the gate's own failure, crops that cannot be written
 */
export function scoreFiles(inputs: AsyncIterable<Input>, options: ScoreFilesOptions): AsyncGenerator<ScoredFile> {
  return orderedMap(inputs, (input) => scoreFile(input, options), 2 * options.jobs, options.signal)
}

async function scoreFile({ path: file, problem }: Input, options: ScoreFilesOptions): Promise<ScoredFile> {
  if (problem) return { file, problem }
  let assessment: Assessment
  try {
    const bytes = await readPhoto(file, { signal: options.signal })
    const { purpose, full, signal, writeCrops } = options
    assessment = await options.gate.assess(bytes, { faces: 'all', purpose, full, signal, crops: Boolean(writeCrops) })
  } catch (error) {
    if (options.signal.aborted) return { file, problem: { code: 'aborted', message: 'Interrupted' } }
    if (isDiffiqaError(error) && FATAL_CODES.has(error.code)) throw error
    return { file, problem: fileProblem(error) }
  }
  const crops = await options.writeCrops?.(file, assessment.aligned)
  const { modelVersion } = options.gate.manifest
  return { file, assessment, records: faceRecords(assessment, { file, modelVersion, ...(crops && { crops }) }) }
}
