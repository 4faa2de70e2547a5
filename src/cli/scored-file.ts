import type { Assessment } from '../gate/types.ts'
import type { FaceRecord } from './face-record.ts'
import type { FileProblem } from './file-problem.ts'

/** What became of one file. */
export type ScoredFile =
  | {
      readonly file: string
      readonly problem?: undefined
      /** At least one, largest face first. */
      readonly records: readonly FaceRecord[]
      readonly assessment: Assessment
    }
  | { readonly file: string; readonly problem: FileProblem }

/** Writes results as text, one file at a time; every piece ends with a line end or is empty. */
export interface Formatter {
  readonly header: string
  format(scored: ScoredFile): string
  /** False: files without a score are not in the output and have to be told elsewhere. */
  readonly tellsProblems: boolean
}
