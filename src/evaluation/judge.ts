import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { DiffiqaError } from '../errors.ts'
import { CROP_SIZE } from '../face/align.ts'
import { createOnnxModel } from '../inference/onnx-model.ts'
import type { Tensor } from '../inference/tensor-model.ts'
import type { JudgeContract } from './judge-contract.ts'

/** A recognition network that tells which comparisons fail. */
export interface Judge {
  /** Hex SHA-256 of its bytes. */
  readonly sha256: string
  /**
   * @param pixels - 112 × 112 × 3 RGB bytes
   * @returns the embedding as the network gives it
   * @throws DiffiqaError `scoring-failed`, `invalid-model-output`
   */
  embed(pixels: Uint8Array): Promise<Float32Array>
  close(): Promise<void>
}

/** @throws DiffiqaError `model-missing`, `model-integrity`, `model-incompatible`, `native-module-missing` */
export async function openJudge(contract: JudgeContract, numThreads = 1): Promise<Judge> {
  const { name } = contract
  let bytes: Uint8Array
  try {
    bytes = await readFile(contract.model)
  } catch (cause) {
    throw new DiffiqaError('model-missing', `The model of ${name} cannot be read: ${contract.model}`, { cause })
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (contract.sha256 !== undefined && contract.sha256 !== sha256)
    throw new DiffiqaError('model-integrity', `The model of ${name} has SHA-256 ${sha256}`)
  const model = await createOnnxModel(bytes, name, numThreads)
  const [input, ...others] = model.inputs
  const output = contract.output ?? model.outputs[0]
  if (input === undefined || others.length > 0 || output === undefined || !model.outputs.includes(output)) {
    await model.dispose()
    throw new DiffiqaError(
      'model-incompatible',
      `${name} must have one input and the output to read; it has the inputs ${model.inputs.join(', ')} and the outputs ${model.outputs.join(', ')}`,
    )
  }
  return {
    sha256,
    embed: async (pixels) => ((await model.run({ [input]: judgeTensor(pixels, contract) }))[output] as Tensor).data,
    close: () => model.dispose(),
  }
}

/** One crop as the network wants it, batch of one. */
export function judgeTensor(pixels: Uint8Array, contract: JudgeContract): Tensor {
  const { size, layout, channels, mean, std } = contract
  const sample = sampler(pixels, contract)
  const plane = size * size
  const data = new Float32Array(3 * plane)
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      for (let c = 0; c < 3; c++) {
        const value = (sample(x, y, channels === 'rgb' ? c : 2 - c) - (mean[c] as number)) / (std[c] as number)
        const i = y * size + x
        data[layout === 'nchw' ? c * plane + i : i * 3 + c] = value
      }
  return { data, dims: layout === 'nchw' ? [1, 3, size, size] : [1, size, size, 3] }
}

/** Reads the crop at a pixel of the input: bilinear, edges repeated. */
function sampler(pixels: Uint8Array, { size, region }: JudgeContract): (x: number, y: number, c: number) => number {
  const scale = region.side / size
  const clamp = (v: number): number => Math.min(CROP_SIZE - 1, Math.max(0, v))
  const at = (x: number, y: number, c: number): number => pixels[(y * CROP_SIZE + x) * 3 + c] as number
  return (inputX, inputY, c) => {
    const x = clamp((inputX - size / 2) * scale + region.centre[0])
    const y = clamp((inputY - size / 2) * scale + region.centre[1])
    const [left, top] = [Math.floor(x), Math.floor(y)]
    const [right, bottom] = [clamp(left + 1), clamp(top + 1)]
    const upper = at(left, top, c) * (left + 1 - x) + at(right, top, c) * (x - left)
    const lower = at(left, bottom, c) * (left + 1 - x) + at(right, bottom, c) * (x - left)
    return upper * (top + 1 - y) + lower * (y - top)
  }
}
