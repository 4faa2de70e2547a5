/** What a check needs of an earlier one is missing: not a failure of its own. */
export class CheckSkipped extends Error {
  override readonly name = 'CheckSkipped'
}

/** A check failed and there is something to do about it. */
export class CheckFailed extends Error {
  override readonly name = 'CheckFailed'
  readonly remedy: string

  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.remedy = remedy
  }
}

/** One thing `doctor` looks at. */
export interface Check {
  readonly name: string
  /**
   * @returns what was found, in a few words
   * @throws CheckFailed, CheckSkipped, DiffiqaError
   */
  run(): Promise<string>
}

export interface CheckResult {
  readonly check: string
  readonly status: 'ok' | 'FAIL' | 'skip'
  readonly fact: string
  /** What to do about a failure. */
  readonly remedy?: string
}
