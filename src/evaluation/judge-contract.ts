import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { DiffiqaError } from '../errors.ts'
import { checkOptions } from '../inference/backend-options.ts'

/** How a recognition network wants its faces, from a JSON file beside it; see docs/evaluation.md. */
export interface JudgeContract {
  /** @default the file's name without .json */
  readonly name: string
  /** Path of the ONNX file; in JSON relative to the contract. */
  readonly model: string
  /** Hex SHA-256 that the model must have. @default not checked */
  readonly sha256?: string
  /** Side of the square input in pixels. @default 112 */
  readonly size: number
  /** @default 'nchw' */
  readonly layout: 'nchw' | 'nhwc'
  /** @default 'rgb' */
  readonly channels: 'rgb' | 'bgr'
  /** Each element is (pixel − mean) / std, pixel 0..255; one number or one per channel in the order of the input. @default 0 */
  readonly mean: readonly [number, number, number]
  /** @default 1 */
  readonly std: readonly [number, number, number]
  /** What the input covers of the 112×112 crop of ArcFace's alignment, in its pixels; edges are repeated. @default all of it */
  readonly region: { readonly centre: readonly [number, number]; readonly side: number }
  /** Output to read. @default the first */
  readonly output?: string
  /** Share of impostor pairs that pass at its threshold. @default that of the command line */
  readonly fmr?: number
}

const FIELDS = ['name', 'model', 'sha256', 'size', 'layout', 'channels', 'mean', 'std', 'region', 'output', 'fmr']

/** @throws DiffiqaError `invalid-option` naming the file and the field */
export async function readContract(path: string): Promise<JudgeContract> {
  let json: Record<string, unknown>
  try {
    json = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new DiffiqaError('invalid-option', `${path} cannot be read as JSON`, { cause })
  }
  try {
    return parseContract(json, path)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new DiffiqaError('invalid-option', `${path}: ${message}`, { cause })
  }
}

function parseContract(json: Record<string, unknown>, path: string): JudgeContract {
  checkOptions(json, FIELDS, { size: 1 })
  const { name = basename(path, '.json'), model, sha256, size = 112, layout = 'nchw', channels = 'rgb' } = json
  const { mean = 0, std = 1, region, output, fmr } = json
  if (typeof name !== 'string' || name === '') throw invalid('name', 'must be a text')
  if (typeof model !== 'string') throw invalid('model', 'must be the path of an ONNX file')
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(String(sha256))) throw invalid('sha256', 'must be 64 hex digits')
  if (layout !== 'nchw' && layout !== 'nhwc') throw invalid('layout', "must be 'nchw' or 'nhwc'")
  if (channels !== 'rgb' && channels !== 'bgr') throw invalid('channels', "must be 'rgb' or 'bgr'")
  if (output !== undefined && typeof output !== 'string') throw invalid('output', 'must be a text')
  if (fmr !== undefined && !(typeof fmr === 'number' && fmr > 0 && fmr < 1))
    throw invalid('fmr', 'must be between 0 and 1')
  const deviation = perChannel('std', std)
  if (deviation.includes(0)) throw invalid('std', 'must not be 0')
  return {
    name,
    model: resolve(dirname(path), model),
    ...(sha256 !== undefined && { sha256: String(sha256).toLowerCase() }),
    size: size as number,
    layout,
    channels,
    mean: perChannel('mean', mean),
    std: deviation,
    region: parseRegion(region),
    ...(output !== undefined && { output }),
    ...(fmr !== undefined && { fmr }),
  }
}

function perChannel(field: string, value: unknown): [number, number, number] {
  const list = Array.isArray(value) ? value : [value, value, value]
  if (list.length !== 3 || !list.every(Number.isFinite)) throw invalid(field, 'must be a number or three')
  return list as [number, number, number]
}

function parseRegion(value: unknown): JudgeContract['region'] {
  if (value === undefined) return { centre: [56, 56], side: 112 }
  const { centre, side } = (value ?? {}) as Record<string, unknown>
  const isPoint = Array.isArray(centre) && centre.length === 2 && centre.every(Number.isFinite)
  if (!isPoint || typeof side !== 'number' || !(side > 0))
    throw invalid('region', 'must be { "centre": [x, y], "side": pixels }')
  return { centre: centre as unknown as [number, number], side }
}

function invalid(field: string, problem: string): DiffiqaError {
  return new DiffiqaError('invalid-option', `\`${field}\` ${problem}`, { details: { option: field } })
}
