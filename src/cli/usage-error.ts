/** The command line cannot be understood; told to the user with a pointer to the help, exit code 1. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  /** As for options of the library; see docs/errors.md. */
  readonly code = 'invalid-option'
}
