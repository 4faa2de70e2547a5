/** What the process answers to its shell; see docs/cli.md. */
export const EXIT = {
  /** Everything asked for was done; rejected faces are an answer, not a failure. */
  ok: 0,
  /** Wrong use, models that cannot be loaded, output that cannot be written; with `doctor`: a check failed. */
  failed: 1,
  /** Some files could not be scored; all others were. */
  someFilesFailed: 2,
} as const

/** 128 + signal number, as shells count. */
export const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const
