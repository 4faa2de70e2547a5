/** What came of one request. */
export interface Answer {
  /** Milliseconds since the beginning of the load: when it was due (open loop) or sent (closed loop), and when its answer was complete. */
  readonly due: number
  readonly done: number
  /** How late it was sent, milliseconds. */
  readonly lag: number
  /** HTTP status; 0 for a broken connection. */
  readonly status: number
  /** Of Retry-After; NaN where it is no whole number of seconds. */
  readonly retryAfter?: number
}

export interface Load {
  readonly loop: 'open' | 'closed'
  /** Requests a second: that come (open), or that clients of which each sends at most one a second would send (closed). Absent: as fast as answers come. */
  readonly perSecond?: number
  /** Clients, where `perSecond` is absent. */
  readonly clients?: number
  readonly warmSeconds: number
  /** Of the window that counts. */
  readonly seconds: number
  /** Share of photos whose fast score does not settle the verdict. */
  readonly uncertain: number
  readonly seed: string
  /** Ends the load after so many verdicts instead. */
  readonly verdicts?: number
}

/** A verdict was given: accepted, down-weighted, or refused for its quality. */
export const isVerdict = ({ status }: Pick<Answer, 'status'>): boolean => status === 200 || status === 422

export const retryAfterOf = (text: string | undefined): number =>
  /^[1-9]\d*$/.test(text ?? '') ? Number(text) : Number.NaN
