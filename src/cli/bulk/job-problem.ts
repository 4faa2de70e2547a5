import type { JobProblem } from './judge-job.ts'

/** What a failed job keeps: the code first, where people look for it. */
export const failedText = ({ code, message }: JobProblem): string => `${code}: ${message}`

/** BullMQ's own reason for a job whose worker was gone more often than is borne. */
const STALLED = /stalled more than|started more than/

/** The problem behind a failed job's reason, whoever wrote it. */
export function failedProblem(reason: string): JobProblem {
  const [, code, message] = /^([a-z]+(?:-[a-z]+)+|aborted): ([\s\S]*)$/.exec(reason) ?? []
  if (code && message !== undefined) return { code: code as JobProblem['code'], message }
  if (STALLED.test(reason))
    return { code: 'worker-crashed', message: 'Workers that had the photo have stopped again and again' }
  return { code: 'scoring-failed', message: reason }
}
