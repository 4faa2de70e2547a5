import type { Tensor } from '../tensor-model.ts'
import { invalidAnswer } from './remote-errors.ts'

/** How tensors travel: raw little-endian numbers behind the JSON head ("binary tensor data" extension), or within the JSON. */
export type Encoding = 'binary' | 'json'

export interface EncodedRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

const HEAD_LENGTH = 'inference-header-content-length'

interface Head {
  readonly outputs?: unknown
}

interface OutputHead {
  readonly name?: unknown
  readonly shape?: unknown
  readonly datatype?: unknown
  readonly data?: unknown
  readonly parameters?: { readonly binary_data_size?: unknown }
}

/**
 * An inference request of the Open Inference Protocol v2 over HTTP
 * (https://github.com/kserve/open-inference-protocol; binary: Triton's `protocol/extension_binary_data.md`).
 *
 * @param outputs - names of the outputs wanted
 * @param parameters - of the request, for extensions of the server
 */
export function encodeRequest(
  feeds: Readonly<Record<string, Tensor>>,
  outputs: readonly string[],
  encoding: Encoding,
  parameters: Readonly<Record<string, unknown>> = {},
): EncodedRequest {
  const binary = encoding === 'binary'
  const head = {
    ...(Object.keys(parameters).length > 0 && { parameters }),
    inputs: Object.entries(feeds).map(([name, { data, dims }]) => ({
      name,
      shape: dims,
      datatype: 'FP32',
      ...(binary ? { parameters: { binary_data_size: data.byteLength } } : { data: Array.from(data) }),
    })),
    outputs: outputs.map((name) => ({ name, ...(binary && { parameters: { binary_data: true } }) })),
  }
  const json = Buffer.from(JSON.stringify(head))
  if (!binary) return { headers: { 'content-type': 'application/json' }, body: json }
  const tensors = Object.values(feeds).map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  return {
    headers: { 'content-type': 'application/octet-stream', [HEAD_LENGTH]: String(json.length) },
    body: Buffer.concat([json, ...tensors]),
  }
}

/**
 * The tensors of an answer, whichever way each of them travelled.
 *
 * @param outputs - names that must be there; others are dropped
 * @param rows - first dimension that each must have
 * @throws DiffiqaError `inference-invalid-answer` (details.reason `not-json`, `not-oip`, `shape`, `truncated`)
 */
export function decodeAnswer(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  body: Buffer,
  outputs: readonly string[],
  rows: number,
): Record<string, Tensor> {
  const headLength = headers[HEAD_LENGTH] === undefined ? body.length : Number(headers[HEAD_LENGTH])
  if (!Number.isSafeInteger(headLength) || headLength < 0 || headLength > body.length)
    throw invalidAnswer('truncated', 'The answer is shorter than its head')
  const heads = outputHeads(body.subarray(0, headLength))
  const tensors: Record<string, Tensor> = {}
  let at = headLength
  for (const head of heads) {
    const size = head.parameters?.binary_data_size
    const end = size === undefined ? at : at + Number(size)
    const data = size === undefined ? jsonNumbers(head.data) : rawNumbers(body, at, end)
    at = end
    if (typeof head.name !== 'string' || !outputs.includes(head.name)) continue
    tensors[head.name] = { data, dims: checkedShape(head, data.length, rows) }
  }
  const missing = outputs.filter((name) => !tensors[name])
  if (missing.length > 0) throw invalidAnswer('shape', 'The answer lacks outputs', { details: { missing } })
  return tensors
}

/** @throws DiffiqaError `inference-invalid-answer` (details.reason `not-json`) */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch (cause) {
    // Node's message quotes what it could not parse.
    const { name } = cause as Error
    throw invalidAnswer('not-json', `The answer is not JSON (${name})`)
  }
}

function outputHeads(bytes: Buffer): readonly OutputHead[] {
  const head = parseJson(bytes) as Head | null
  const outputs = head?.outputs
  if (!Array.isArray(outputs) || outputs.some((output) => typeof output !== 'object' || output === null))
    throw invalidAnswer('not-oip', 'The answer has no list of outputs')
  return outputs
}

function rawNumbers(body: Buffer, from: number, to: number): Float32Array {
  if (!Number.isSafeInteger(to) || to < from || (to - from) % 4 !== 0)
    throw invalidAnswer('shape', 'An output has an impossible size')
  if (to > body.length) throw invalidAnswer('truncated', 'The answer ends within an output')
  // A copy: the view would have to start at a multiple of four.
  return new Float32Array(new Uint8Array(body.subarray(from, to)).buffer)
}

/** JSON knows no NaN, and what servers write instead (null, "NaN") becomes one here, for the caller's check. */
function jsonNumbers(data: unknown): Float32Array {
  if (!Array.isArray(data)) throw invalidAnswer('shape', 'An output has no numbers')
  const flat: unknown[] = data.some(Array.isArray) ? data.flat(Number.POSITIVE_INFINITY) : data
  return Float32Array.from(flat, (value) => (typeof value === 'number' ? value : Number.NaN))
}

function checkedShape({ name, shape, datatype }: OutputHead, length: number, rows: number): number[] {
  const dims = Array.isArray(shape) && shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) ? shape : undefined
  const fits = dims?.[0] === rows && dims.reduce((product, dim) => product * dim, 1) === length
  if (dims && fits && datatype === 'FP32') return dims
  throw invalidAnswer('shape', `Output "${String(name).slice(0, 40)}" is not ${rows} rows of FP32`, {
    details: { rows, length, datatype: String(datatype).slice(0, 20) },
  })
}
