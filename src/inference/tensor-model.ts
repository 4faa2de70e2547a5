/** Dense float32 numbers, row-major. */
export interface Tensor {
  readonly data: Float32Array
  readonly dims: readonly number[]
}

/** One network, ready to compute. Knows nothing of the runtime that runs it. */
export interface TensorModel {
  /** Names of the network's inputs and outputs. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Items a call holds best at most. */
  readonly maxBatch?: number
  /**
   * Runs the network on the calling thread and blocks it.
   *
   * @throws DiffiqaError `invalid-model-output` when an output holds NaN or an infinity, `scoring-failed` when the runtime fails.
   */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>
  dispose(): Promise<void>
}
