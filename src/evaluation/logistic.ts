const ROUNDS = 600
const RIDGE = 1e-4

/**
 * Weights that are not negative of a logistic model of outcomes, by projected gradient descent on standardised columns.
 * @param rows one list of features per sample, higher is better each
 * @param outcome 0..1 per sample
 * @returns one weight per feature, on the features' own scale, and 0 for one that does not vary
 */
export function nonNegativeLogistic(rows: readonly (readonly number[])[], outcome: readonly number[]): number[] {
  const width = rows[0]?.length ?? 0
  const mean = column(width, (c) => average(rows.map((row) => row[c] as number)))
  const deviation = column(width, (c) =>
    Math.sqrt(average(rows.map((row) => ((row[c] as number) - (mean[c] as number)) ** 2))),
  )
  const data = rows.map((row) =>
    row.map((value, c) => {
      const spread = deviation[c] as number
      return spread > 1e-9 ? (value - (mean[c] as number)) / spread : 0
    }),
  )
  const weights = column(width, () => 0)
  let bias = 0
  const step = 4 / (width + 1)
  for (let round = 0; round < ROUNDS; round++) {
    const gradient = column(width, (c) => RIDGE * (weights[c] as number))
    let slope = 0
    data.forEach((row, i) => {
      const z = row.reduce((sum, value, c) => sum + value * (weights[c] as number), bias)
      const error = (1 / (1 + Math.exp(-z)) - (outcome[i] as number)) / data.length
      slope += error
      row.forEach((value, c) => {
        gradient[c] = (gradient[c] as number) + error * value
      })
    })
    bias -= step * slope
    for (let c = 0; c < width; c++) weights[c] = Math.max(0, (weights[c] as number) - step * (gradient[c] as number))
  }
  return weights.map((weight, c) => ((deviation[c] as number) > 1e-9 ? weight / (deviation[c] as number) : 0))
}

const column = (width: number, of: (c: number) => number): number[] => Array.from({ length: width }, (_, c) => of(c))
const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
