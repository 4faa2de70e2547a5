import { isDiffiqaError } from '../errors.ts'
import { FATAL_CODES } from './fatal-codes.ts'
import { fileProblem } from './file-problem.ts'
import { UsageError } from './usage-error.ts'

/**
 * Work on one of many photos, where one that fails ends the whole run: whoever has hundreds of them has to know which.
 * @throws UsageError that names the file; the error itself where every other file would meet it as well, or where it is no file's fault
 */
export async function naming<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isDiffiqaError(error) && (FATAL_CODES.has(error.code) || error.code === 'aborted')) throw error
    const { code, message } = fileProblem(error)
    throw new UsageError(`${file}: ${code}: ${message}`)
  }
}
