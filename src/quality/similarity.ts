/** Length of an embedding, ‖e‖. */
export function norm(e: Float32Array): number {
  let squares = 0
  for (const value of e) squares += value * value
  return Math.sqrt(squares)
}

/**
 * Cosine similarity of two embeddings of the same length, −1..1. An embedding of length zero is similar to nothing: 0.
 */
export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0
  for (let i = 0; i < a.length; i++) dot += (a[i] as number) * (b[i] as number)
  const lengths = norm(a) * norm(b)
  return lengths > 0 ? Math.min(1, Math.max(-1, dot / lengths)) : 0
}
