/** Weight of the newest sample: the mean follows a change of load within about ten tasks. */
const NEWEST = 0.2

/** Exponentially weighted running mean of durations in milliseconds. */
export class ServiceTime {
  #meanMs: number | undefined

  /** 0 until the first sample: nothing is predicted from nothing. */
  get meanMs(): number {
    return this.#meanMs ?? 0
  }

  add(durationMs: number): void {
    this.#meanMs = this.#meanMs === undefined ? durationMs : this.#meanMs + NEWEST * (durationMs - this.#meanMs)
  }
}
