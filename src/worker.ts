import { openScorer } from './gate/scorer.ts'
import type { ScorerData } from './gate/worker-tasks.ts'
import { serveTasks } from './inference/serve-tasks.ts'

export default serveTasks(async (data, port) => (await openScorer(data as ScorerData, port)).handle)
