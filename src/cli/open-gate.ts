import type { Gate } from '../gate/gate.ts'
import type { ScoreOptions } from './score-options.ts'

/** A file that takes longer is stuck; a crowd in full DifFIQA's paper preset is not. */
const PATIENCE_MS = 10 * 60_000

/**
 * The gate for scoring files: nobody waits at the other end, so deadlines are long, and nothing is escalated on its own, so that a
 * score depends on the photo alone.
 * @param inProcess - compute on this thread: starts faster than worker threads
 */
export async function openGate(options: ScoreOptions, inProcess: boolean): Promise<Gate> {
  const { createGate } = await import('../gate/create-gate.ts')
  const { jobs, policy, preset, modelsDir } = options
  return createGate({
    policy,
    preset,
    inference: inProcess ? 'in-process' : 'workers',
    workers: inProcess ? 1 : jobs,
    deadlineMs: PATIENCE_MS,
    escalationBudget: 0,
    ...(modelsDir === undefined ? {} : { modelsDir }),
  })
}
