const WINDOW = 256
/** Fewer say too little of the traffic. */
const LEAST = 64
/** Asking for all of the budget would keep it near empty, and turn away the very lowest when they come. */
const AIM = 0.9

/**
 * Raw fast scores of the faces seen last. What is a low score depends on the traffic: at a passport desk another one than at a door's
 * camera by night, and the second look is worth most among the lowest.
 */
export class RecentScores {
  readonly #firstCut: number
  readonly #scores = new Float64Array(WINDOW)
  #seen = 0
  #sorted: Float64Array | undefined

  /** @param firstCut Raw score that stands for the cut until enough faces were seen. */
  constructor(firstCut: number) {
    this.#firstCut = firstCut
  }

  add(raw: number): void {
    this.#scores[this.#seen % WINDOW] = raw
    this.#seen++
    this.#sorted = undefined
  }

  /** Does the score belong to the lowest of the recent ones, of which a budget of `share` (0..1) serves all? */
  isLow(raw: number, share: number): boolean {
    if (share >= 1) return true
    if (this.#seen < LEAST) return raw <= this.#firstCut
    this.#sorted ??= this.#scores.slice(0, Math.min(this.#seen, WINDOW)).sort()
    return raw <= (this.#sorted[Math.floor(AIM * share * this.#sorted.length)] as number)
  }
}
