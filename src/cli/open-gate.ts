import type { Gate } from '../gate/gate.ts'
import type { ScoreOptions } from './score-options.ts'

/** A photo that takes longer is stuck; a crowd in full DifFIQA's paper preset is not. */
const PATIENCE_MS = 10 * 60_000

/** One photo may hold this many faces for full DifFIQA to wait for. */
const MAX_QUEUE = 10_000

type GateNeeds = Pick<ScoreOptions, 'jobs' | 'full' | 'policy' | 'preset' | 'modelsDir'>

/**
 * The gate for scoring files: nobody waits at the other end, so deadlines are long, and nothing is escalated on its own, so that a
 * score depends on the photo alone.
 * @param inProcess - compute on this thread: starts faster than worker threads
 */
export async function openGate(options: GateNeeds, inProcess: boolean): Promise<Gate> {
  const { createGate } = await import('../gate/create-gate.ts')
  const { jobs, full, policy, preset, modelsDir } = options
  // A gate never gives its last worker to full scores; one worker more, which finds faces, lets all jobs work on them.
  const workers = full ? { workers: jobs + 1, maxFull: jobs } : { workers: jobs }
  return createGate({
    policy,
    preset,
    ...(inProcess ? { inference: 'in-process' } : workers),
    maxQueue: MAX_QUEUE,
    deadlineMs: PATIENCE_MS,
    watchdogMs: PATIENCE_MS,
    startTimeoutMs: PATIENCE_MS,
    escalationBudget: 0,
    ...(modelsDir === undefined ? {} : { modelsDir }),
  })
}
