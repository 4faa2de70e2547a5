/** Instants in order; few at a time. */
export class Timers<T> {
  readonly #list: { readonly at: number; readonly what: T }[] = []

  get next(): number {
    return this.#list[0]?.at ?? Number.POSITIVE_INFINITY
  }

  add(at: number, what: T): void {
    // Most are the latest: from behind.
    let i = this.#list.length
    while (i > 0 && (this.#list[i - 1] as { at: number }).at > at) i--
    this.#list.splice(i, 0, { at, what })
  }

  /** The first one, when its instant has come. */
  take(now: number): T | undefined {
    return this.next <= now ? this.#list.shift()?.what : undefined
  }
}
