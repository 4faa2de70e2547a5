/** Stands between an adapter and its SDK: counts the calls, lets one fail, or keeps all waiting. */
export class Control {
  calls = 0
  readonly answers: unknown[] = []
  #failAfter: number | undefined
  #loseAfter: number | undefined
  #release: (() => void) | undefined
  #hanging: Promise<void> | undefined
  readonly #error: () => unknown

  /** @param error What the SDK throws. */
  constructor(error: () => unknown = () => new Error('the SDK is broken')) {
    this.#error = error
  }

  /** One call of the SDK. */
  async through<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.isNextToFail()) throw this.#error()
    const isLost = this.isNextLost()
    await this.#hanging
    const answer = await work()
    if (isLost) throw this.#error()
    this.answers.push(answer)
    return answer
  }

  /** Counts a call; is it the one that fails? */
  isNextToFail(): boolean {
    this.calls++
    if (this.#failAfter === undefined) return false
    this.#failAfter--
    if (this.#failAfter >= 0) return false
    this.#failAfter = undefined
    return true
  }

  /** Is the call carried out, and its answer lost? */
  isNextLost(): boolean {
    if (this.#loseAfter === undefined) return false
    this.#loseAfter--
    if (this.#loseAfter >= 0) return false
    this.#loseAfter = undefined
    return true
  }

  get hanging(): boolean {
    return this.#hanging !== undefined
  }

  fail(after: number): void {
    this.#failAfter = after
  }

  lose(after: number): void {
    this.#loseAfter = after
  }

  hang(): void {
    this.#hanging ??= new Promise((resolve) => {
      this.#release = resolve
    })
  }

  recover(): void {
    this.#failAfter = undefined
    this.#loseAfter = undefined
    this.#release?.()
    this.#hanging = undefined
  }
}

/** What {@link MatcherUnderTest} wants of an SDK behind a control, whose error `isOwn` knows. */
export function controlled(control: Control, isOwn: (error: unknown) => boolean) {
  return {
    calls: () => control.calls,
    answers: () => control.answers,
    hang: () => control.hang(),
    lose: ({ after }: { readonly after: number }) => control.lose(after),
    recover: () => control.recover(),
    fail({ after }: { readonly after: number }) {
      control.fail(after)
      return isOwn
    },
  }
}
