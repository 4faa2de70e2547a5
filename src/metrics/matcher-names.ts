/** Names of matchers come from the application; beyond these they share one label value. */
const MAX_MATCHERS = 8
const UNKNOWN = 'default'
const OTHER = 'other'

/** What the label `matcher` says: the application's name, or else the adapters' own. */
export class MatcherNames {
  readonly #given: string | undefined
  readonly #adapters = new Set<string>()
  #settled: string | undefined

  constructor(given: string | undefined) {
    this.#given = given
  }

  /** Of a call of this adapter. */
  ofCalls(adapter: string): string {
    if (this.#given !== undefined) return this.#given
    if (this.#adapters.size < MAX_MATCHERS) this.#adapters.add(adapter)
    return this.#adapters.has(adapter) ? adapter : OTHER
  }

  /** Of verdicts as it stands: a photo is judged for whatever matcher comes after the gate, so it is a matcher's name only where there is one. */
  get ofVerdicts(): string {
    if (this.#given !== undefined) return this.#given
    if (this.#settled !== undefined) return this.#settled
    const [first] = this.#adapters
    return first !== undefined && this.#adapters.size === 1 ? first : UNKNOWN
  }

  /** Is there a verdict that was counted under a name? */
  get settled(): boolean {
    return this.#settled !== undefined
  }

  /** Of a verdict that is counted now; it stays, whatever matcher comes later: counters must not change their labels half-way. */
  settle(): string {
    this.#settled ??= this.ofVerdicts
    return this.#settled
  }
}
