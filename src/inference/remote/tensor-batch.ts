import type { Tensor } from '../tensor-model.ts'
import type { Feeds } from './oip-server.ts'

/** First dimension of all tensors. */
export function rowsOf(feeds: Feeds): number {
  return Object.values(feeds)[0]?.dims[0] ?? 0
}

/** Several calls of one network as one: the tensors of each input one after the other. */
export function joinFeeds(calls: readonly Feeds[]): Feeds {
  const [first] = calls
  if (!first || calls.length === 1) return first ?? {}
  return Object.fromEntries(
    Object.keys(first).map((input) => [input, join(calls.map((feeds) => feeds[input] as Tensor))]),
  )
}

/** The way back: each call's rows of the answer, as copies, since a view would drag the whole answer along. */
export function splitAnswer(
  answer: Readonly<Record<string, Tensor>>,
  rows: readonly number[],
): Record<string, Tensor>[] {
  const total = rows.reduce((sum, count) => sum + count, 0)
  let from = 0
  return rows.map((count) => {
    const start = from
    from += count
    return Object.fromEntries(
      Object.entries(answer).map(([output, { data, dims }]) => {
        const width = data.length / total
        return [output, { data: data.slice(start * width, (start + count) * width), dims: [count, ...dims.slice(1)] }]
      }),
    )
  })
}

function join(tensors: readonly Tensor[]): Tensor {
  const data = new Float32Array(tensors.reduce((sum, tensor) => sum + tensor.data.length, 0))
  let [at, rows] = [0, 0]
  for (const tensor of tensors) {
    data.set(tensor.data, at)
    at += tensor.data.length
    rows += tensor.dims[0] ?? 0
  }
  return { data, dims: [rows, ...(tensors[0]?.dims.slice(1) ?? [])] }
}
