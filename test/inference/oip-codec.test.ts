import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DiffiqaError } from '../../src/errors.ts'
import { decodeAnswer, encodeRequest } from '../../src/inference/remote/oip-codec.ts'
import type { Tensor } from '../../src/inference/tensor-model.ts'

// JSON.stringify() writes -0 as 0.
const finite = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
const tensor = (rows: number) =>
  fc
    .integer({ min: 1, max: 5 })
    .chain((width) =>
      fc
        .array(finite, { minLength: rows * width, maxLength: rows * width })
        .map((numbers): Tensor => ({ data: Float32Array.from(numbers), dims: [rows, width] })),
    )

/** What a server would answer with the same tensors: a request's inputs are an answer's outputs. */
function echoed(tensors: Record<string, Tensor>, encoding: 'binary' | 'json') {
  const { headers, body } = encodeRequest(tensors, [], encoding)
  const length = Number(headers['inference-header-content-length'] ?? body.length)
  const { inputs } = JSON.parse(body.toString('utf8', 0, length))
  const head = Buffer.from(JSON.stringify({ outputs: inputs }))
  const answer = Buffer.concat([head, body.subarray(length)])
  return {
    headers: encoding === 'binary' ? { 'inference-header-content-length': String(head.length) } : {},
    body: answer,
  }
}

const problem = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error instanceof DiffiqaError && error.code === 'inference-invalid-answer' ? error.details.reason : error
  }
  return undefined
}

describe('Open Inference Protocol tensors', () => {
  test.each(['binary', 'json'] as const)('come back as they were sent: %s', (encoding) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }).chain((rows) => fc.record({ mean: tensor(rows), embedding: tensor(rows) })),
        (tensors) => {
          const { headers, body } = echoed(tensors, encoding)
          expect(decodeAnswer(headers, body, ['mean', 'embedding'], tensors.mean.dims[0] as number)).toEqual(tensors)
        },
      ),
    )
  })

  test('are read whatever they are nested like', () => {
    const outputs = [
      {
        name: 'y',
        shape: [2, 2],
        datatype: 'FP32',
        data: [
          [1, 2],
          [3, 4],
        ],
      },
    ]
    const { y } = decodeAnswer({}, Buffer.from(JSON.stringify({ outputs })), ['y'], 2)
    expect(y).toEqual({ data: Float32Array.of(1, 2, 3, 4), dims: [2, 2] })
  })

  test('that JSON cannot say become NaN, for the caller to refuse', () => {
    const outputs = [{ name: 'y', shape: [1, 3], datatype: 'FP32', data: [1, null, 'NaN'] }]
    const { y } = decodeAnswer({}, Buffer.from(JSON.stringify({ outputs })), ['y'], 1)
    expect([...(y?.data ?? [])]).toEqual([1, Number.NaN, Number.NaN])
  })

  const tensors = { y: { data: Float32Array.of(1, 2, 3, 4, 5, 6), dims: [2, 3] } }

  test('that are cut anywhere give a typed error, never numbers', () => {
    for (const encoding of ['binary', 'json'] as const) {
      const { headers, body } = echoed(tensors, encoding)
      for (let length = 0; length < body.length; length++) {
        expect(problem(() => decodeAnswer(headers, body.subarray(0, length), ['y'], 2))).toBeTypeOf('string')
      }
    }
  })

  test('with any byte changed give numbers or a typed error', () => {
    const { headers, body } = echoed(tensors, 'binary')
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const changed = Buffer.from(body)
        changed[at] = byte
        const reason = problem(() => {
          expect(decodeAnswer(headers, changed, ['y'], 2).y?.data).toHaveLength(6)
        })
        expect(['string', 'undefined']).toContain(typeof reason)
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['another number of rows', { shape: [3, 2] }, 'shape'],
    ['a size that is not its shape', { shape: [2, 4] }, 'shape'],
    ['no shape', { shape: undefined }, 'shape'],
    ['another type', { datatype: 'FP64' }, 'shape'],
    ['another name', { name: 'z' }, 'shape'],
    ['no numbers', { data: undefined }, 'shape'],
    ['a size within a number', { data: undefined, parameters: { binary_data_size: 3 } }, 'shape'],
    ['a negative size', { data: undefined, parameters: { binary_data_size: -4 } }, 'shape'],
    ['a size that is no number', { data: undefined, parameters: { binary_data_size: 'x' } }, 'shape'],
    ['more bytes than there are', { data: undefined, parameters: { binary_data_size: 400 } }, 'truncated'],
  ])('with %s are refused', (_, change, reason) => {
    const output = { name: 'y', shape: [2, 3], datatype: 'FP32', data: [1, 2, 3, 4, 5, 6], ...change }
    const body = Buffer.from(JSON.stringify({ outputs: [output] }))
    expect(problem(() => decodeAnswer({}, body, ['y'], 2))).toBe(reason)
  })

  test.each([
    ['<!doctype html><title>Sign in</title>', 'not-json'],
    ['', 'not-json'],
    ['null', 'not-oip'],
    ['[]', 'not-oip'],
    ['{"outputs":{}}', 'not-oip'],
    ['{"outputs":[null]}', 'not-oip'],
    ['{"error":"busy"}', 'not-oip'],
  ])('are not found in %s', (text, reason) => {
    expect(problem(() => decodeAnswer({}, Buffer.from(text), ['y'], 2))).toBe(reason)
  })

  test.each(['-1', 'x', '99999'])('are not sought behind a head of %s bytes', (length) => {
    const headers = { 'inference-header-content-length': length }
    expect(problem(() => decodeAnswer(headers, Buffer.from('{"outputs":[]}'), ['y'], 2))).toBe('truncated')
  })
})
