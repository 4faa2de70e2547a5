/** One word after `express-diffiqa`. Modules are loaded when a command runs: `--help` needs neither sharp nor onnxruntime. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  help(): Promise<string>
  /**
   * @returns the exit code
   * @throws UsageError, DiffiqaError
   */
  run(args: readonly string[]): Promise<number>
}
