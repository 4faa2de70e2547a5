/** How many escalations may be saved up while every face is clear. */
export const DEFAULT_BURST = 10

/**
 * A token bucket that holds escalations to a share of the scored faces: each face puts `share` of a token in, each escalation takes one
 * out. Counted in faces and not in seconds, because a share of the traffic is what capacity is planned by. At any moment
 * escalations <= burst + share × faces.
 */
export class EscalationBudget {
  readonly share: number
  readonly #burst: number
  #tokens: number

  /**
   * @param share 0..1; 0 forbids escalation altogether, 1 allows it always.
   * @param burst Tokens at the start, and the most that are kept.
   */
  constructor(share: number, burst: number = DEFAULT_BURST) {
    this.share = share
    this.#burst = share === 0 ? 0 : burst
    this.#tokens = this.#burst
  }

  /** A face was scored. */
  earn(faces = 1): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + this.share * faces)
  }

  /** Would `take()` succeed? */
  get available(): boolean {
    // Shares like 0.1 do not add up to a whole exactly.
    return this.#tokens >= 1 - 1e-9
  }

  /** Take a token for one escalation; false when none is left. */
  take(): boolean {
    if (!this.available) return false
    this.#tokens -= 1
    return true
  }
}
