import { DiffiqaError } from '../errors.ts'
import type { AlignedFace } from '../face/types.ts'
import { checkOptions } from '../inference/backend-options.ts'
import type { Tensor } from '../inference/tensor-model.ts'

/** Side of the aligned crops in pixels, and so of every network's input. */
export const INPUT_SIDE = 112

/** How an embedding network wants its 112×112 crops (ArcFace alignment). Each element is (pixel − mean) / std. */
export interface OnnxInput {
  /** @default 'nchw' */
  readonly layout?: 'nchw' | 'nhwc'
  /** @default 'rgb' */
  readonly channels?: 'rgb' | 'bgr'
  /** Subtracted from each channel value of 0..255. */
  readonly mean: number
  readonly std: number
}

/** SFace has its normalisation inside. */
export const SFACE_INPUT: Required<OnnxInput> = { layout: 'nchw', channels: 'rgb', mean: 0, std: 1 }

/** @throws DiffiqaError `invalid-option` naming the field. */
export function resolveInput(input: OnnxInput): Required<OnnxInput> {
  checkOptions(input, ['layout', 'channels', 'mean', 'std'], {})
  const { layout = 'nchw', channels = 'rgb', mean, std } = input
  if (layout !== 'nchw' && layout !== 'nhwc') throw invalid('layout', "must be 'nchw' or 'nhwc'")
  if (channels !== 'rgb' && channels !== 'bgr') throw invalid('channels', "must be 'rgb' or 'bgr'")
  if (!Number.isFinite(mean)) throw invalid('mean', 'must be a number')
  if (!Number.isFinite(std) || std === 0) throw invalid('std', 'must be a number other than 0')
  return { layout, channels, mean, std }
}

/** One crop as the network wants it, batch of one. */
export function toTensor(pixels: AlignedFace['pixels'], { layout, channels, mean, std }: Required<OnnxInput>): Tensor {
  const plane = INPUT_SIDE * INPUT_SIDE
  const data = new Float32Array(3 * plane)
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) {
      const value = ((pixels[i * 3 + (channels === 'rgb' ? c : 2 - c)] as number) - mean) / std
      data[layout === 'nchw' ? c * plane + i : i * 3 + c] = value
    }
  }
  return { data, dims: layout === 'nchw' ? [1, 3, INPUT_SIDE, INPUT_SIDE] : [1, INPUT_SIDE, INPUT_SIDE, 3] }
}

function invalid(field: string, problem: string): DiffiqaError {
  return new DiffiqaError('invalid-option', `\`input.${field}\` ${problem}`, { details: { option: `input.${field}` } })
}
