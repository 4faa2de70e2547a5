const MIN_SECONDS = 1
const MAX_SECONDS = 30

/**
 * Whole seconds after which a refused caller may come back: the predicted wait, spread by ±20 % so that callers refused together do
 * not return together, rounded up, within 1..30.
 *
 * @param waitMs - predicted wait in milliseconds
 * @param random - uniform in 0..1
 */
export function retryAfterSeconds(waitMs: number, random: () => number): number {
  const spread = 0.8 + 0.4 * random()
  return Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, Math.ceil((waitMs / 1000) * spread)))
}
